"""Who is asking: the owner's browser (session and CSRF token), a script (bearer token), or nobody."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, g, request, session
from flask_limiter import Limiter
from flask_login import LoginManager, current_user, login_user
from flask_wtf.csrf import CSRFProtect
from limits import parse

from web.errors import Refused
from web.sessions import CookieOfServerSessions, Session, Sessions

_SAFE = ("GET", "HEAD", "OPTIONS")
_ORDERS = parse("30 per minute")
_WRONG_TOKENS = parse("20 per minute")

F = TypeVar("F", bound=Callable[..., Any])


class Owner:
    """The one person this program belongs to, as flask-login wants to see them."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """The only id there is."""
        return "owner"


def open_to_all(view: F) -> F:
    """Mark a view that needs no sign-in."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def install(app: Flask, sessions: Sessions, *, cookie: str, api_token: str | None) -> Limiter:
    """Check every request of the app; returns the limiter for views with a limit of their own."""
    app.session_interface = CookieOfServerSessions(sessions, cookie)
    login = LoginManager(app)
    login.session_protection = "strong"
    login.user_loader(_owner)
    csrf = CSRFProtect(app)
    expected = _digest(api_token) if api_token else None
    limiter = Limiter(key_func=lambda: "nobody", storage_uri="memory://")

    @app.before_request
    def check() -> None:
        view = app.view_functions.get(request.endpoint or "")
        if view is None or request.endpoint == "static" or getattr(view, "open_to_all", False):
            return
        shown = request.headers.get("Authorization")
        if shown is not None:
            _check_bearer(shown)
            g.by = "api"
        elif current_user.is_authenticated:
            g.by = "page"
            if request.method not in _SAFE:
                csrf.protect()
        else:
            raise Refused("sign_in", "Open the link that mTrade printed in its console.", status=401)
        told = getattr(view, "told", None)
        if told is not None and told.order and not limiter.limiter.hit(_ORDERS, "orders", g.by):
            raise Refused("too_many_requests", "That is more orders than a minute may have; wait a moment.", status=429)

    def _check_bearer(shown: str) -> None:
        scheme, _, token = shown.partition(" ")
        good = expected is not None and hmac.compare_digest(_digest(token.strip()), expected)
        if good and scheme.lower() == "bearer":
            return
        if not limiter.limiter.hit(_WRONG_TOKENS, "bearer"):
            raise Refused("too_many_requests", "Too many wrong tokens; wait a moment.", status=429)
        raise Refused("bad_token", "That is not this program's API_TOKEN.", status=401)

    limiter.init_app(app)
    return limiter


def _owner(name: str) -> Owner | None:
    return Owner() if name == "owner" else None


def sign_in(sessions: Sessions) -> None:
    """Make the browser that is asking the owner's."""
    kept = session._get_current_object()  # type: ignore[attr-defined]
    assert isinstance(kept, Session)  # noqa: S101  (our session interface made it)
    kept.clear()
    sessions.open(kept)
    kept["socket_token"] = secrets.token_urlsafe(32)
    kept["_cookie_due"] = True
    login_user(Owner())


def sign_out(sessions: Sessions, response: Response, cookie: str) -> Response:
    """Forget the browser that is asking."""
    kept = session._get_current_object()  # type: ignore[attr-defined]
    assert isinstance(kept, Session)  # noqa: S101  (our session interface made it)
    sessions.close(kept)
    response.delete_cookie(cookie, httponly=True, samesite="Strict", path="/")
    return response


def socket_is_owners(token: object) -> bool:
    """Whether the connection comes from a signed-in page that knows its session's socket token."""
    known = session.get("socket_token", "")
    return bool(
        current_user.is_authenticated
        and known
        and isinstance(token, str)
        and hmac.compare_digest(_digest(token), _digest(known))
    )


def session_key() -> str:
    """The key of the session that is asking; empty when nobody is signed in."""
    return str(getattr(session, "key", ""))


def signed_in() -> bool:
    """Whether the owner's browser is asking."""
    return bool(current_user.is_authenticated)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
