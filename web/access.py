"""Who is asking: the owner's browser (session and CSRF token), a script (bearer token), or nobody."""

import hashlib
import hmac
import secrets

from flask import Flask, Response, g, request, session
from flask_limiter import Limiter
from flask_login import LoginManager, current_user, login_user
from flask_wtf.csrf import CSRFProtect
from limits import parse

from autotrader_v2.application.door import Door
from autotrader_v2.application.ports import Scope
from web.errors import Refused
from web.lockout import Lockout
from web.pace import knows_sender
from web.reading import peeked_body
from web.scopes import Rule, Who, rule_of
from web.sessions import CookieOfServerSessions, Session, Sessions

_SAFE = ("GET", "HEAD", "OPTIONS")
_ORDERS = parse("30 per minute")
_WRONG_TOKENS = parse("20 per minute")

# With real money the password is good for so long.
CONFIRMED_FOR_S = 600.0


class Owner:
    """The one person this program belongs to, as flask-login wants to see them."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """The only id there is."""
        return "owner"


def install(
    app: Flask, sessions: Sessions, door: Door, *, cookie: str, api_token: str | None, lockout: Lockout
) -> Limiter:
    """Check every request of the app against the rule of its route; returns the limiter for views with their own."""
    app.session_interface = CookieOfServerSessions(sessions, cookie)
    login = LoginManager(app)
    login.session_protection = "strong"
    login.user_loader(_owner)
    csrf = CSRFProtect(app)
    expected = _digest(api_token) if api_token else None
    limiter = Limiter(key_func=lambda: "nobody", storage_uri="memory://")

    @app.before_request
    def check() -> None:
        if request.url_rule is None:
            return  # no such route, or not with that method: nothing is told but that
        rule = rule_of(request.method, request.url_rule.rule)
        if rule.needs is Who.ANYONE:
            return
        if rule.needs is Who.MACHINE:
            g.by = "machine"
            return
        shown = request.headers.get("Authorization")
        if shown is not None:
            g.by, scope = _bearer(shown)
            knows_sender(request.environ)
            if not isinstance(rule.needs, Scope) or not scope.covers(rule.needs):
                raise Refused("not_allowed", f"A token with the scope {scope} may not do that.", status=403)
        elif current_user.is_authenticated:
            g.by = "page"
            if request.method not in _SAFE:
                csrf.protect()
            if door.real_money and spends(rule):
                _check_confirmed()
        else:
            raise Refused("sign_in", "Open the link that mTrade printed in its console.", status=401)
        told = getattr(app.view_functions[request.url_rule.endpoint], "told", None)
        if told is not None and told.order and not limiter.limiter.hit(_ORDERS, "orders", g.by):
            raise Refused("too_many_requests", "That is more orders than a minute may have; wait a moment.", status=429)

    def _bearer(shown: str) -> tuple[str, Scope]:
        """Who shows it, and what that one may do. Errors: `Refused`."""
        scheme, _, token = shown.partition(" ")
        token = token.strip()
        if scheme.lower() == "bearer":
            if expected is not None and hmac.compare_digest(_digest(token), expected):
                return "api", Scope.ADMIN
            known = door.credentials.check(token) if token else None
            if known is not None:
                return f"token {known[0]}", known[1]
        if not limiter.limiter.hit(_WRONG_TOKENS, "bearer"):
            door.alert("token_guessed", {})
            raise Refused("too_many_requests", "Too many wrong tokens; wait a moment.", status=429)
        raise Refused("bad_token", "That is neither this program's API_TOKEN nor one of its tokens.", status=401)

    def _check_confirmed() -> None:
        if not door.has_password:
            raise Refused(
                "password_needed", "Real money: set a password first (Settings), then confirm with it.", status=403
            )
        if lockout.now_s() - session.get("confirmed_s", float("-inf")) > CONFIRMED_FOR_S:
            raise Refused("confirm", "Real money: confirm with your password.", status=403)

    limiter.init_app(app)
    return limiter


def spends(rule: Rule) -> bool:
    """Whether this request needs the password with real money: by its rule, or because it switches something on."""
    if rule.money == "on":
        body = peeked_body()
        return body is None or body.get("mode") == "on" or bool(body.get("enabled"))
    return bool(rule.money)


def confirmed(now_s: float) -> None:
    """The person at the page has just shown the password."""
    session["confirmed_s"] = now_s


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
