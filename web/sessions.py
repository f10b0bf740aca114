"""Who is signed in: sessions that live in this process only, and single-use links that open them."""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin

_IDLE_S = 12 * 3600
_LIFE_S = 7 * 24 * 3600
_LINK_LIFE_S = 24 * 3600
_LINKS_MAX = 8
_SESSIONS_MAX = 64


class Session(dict[str, Any], SessionMixin):
    """What the server knows of a browser. `key` is empty until it is signed in; the cookie carries only that key."""

    key = ""
    modified = True


class Sessions:
    """Thread-safe store of sessions and links; only hashes of keys are kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, tuple[Session, float, float]] = {}
        self._links: dict[str, float] = {}

    def new_link_token(self) -> str:
        """A token that opens one session, once, within a day."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._links[_digest(token)] = self._clock() + _LINK_LIFE_S
            while len(self._links) > _LINKS_MAX:
                del self._links[next(iter(self._links))]
        return token

    def use_link_token(self, token: str) -> bool:
        """Whether the token was good; it is not any more."""
        with self._lock:
            ends = self._links.pop(_digest(token), 0.0)
        return ends > self._clock()

    def open(self, session: Session) -> None:
        """Keep the session under a new key."""
        now = self._clock()
        key = secrets.token_urlsafe(32)
        with self._lock:
            if session.key:
                self._sessions.pop(_digest(session.key), None)
            session.key = key
            self._sessions[_digest(key)] = (session, now, now)
            while len(self._sessions) > _SESSIONS_MAX:
                del self._sessions[next(iter(self._sessions))]

    def find(self, key: str) -> Session | None:
        """The session of a cookie, unless it is too old."""
        now, digest = self._clock(), _digest(key)
        with self._lock:
            session, opened, seen = self._sessions.get(digest, (None, 0.0, 0.0))
            if session is None:
                return None
            if now - seen > _IDLE_S or now - opened > _LIFE_S:
                del self._sessions[digest]
                return None
            self._sessions[digest] = (session, opened, now)
            return session

    def close_all(self, but: Session | None = None) -> None:
        """Forget every browser, or every other one, and all links that were not used yet."""
        with self._lock:
            kept = _digest(but.key) if but is not None and but.key else ""
            self._sessions = {digest: one for digest, one in self._sessions.items() if digest == kept}
            self._links.clear()

    def close(self, session: Session) -> None:
        """Forget it."""
        with self._lock:
            self._sessions.pop(_digest(session.key), None)
        session.clear()
        session.key = ""


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class CookieOfServerSessions(SessionInterface):
    """Flask's `session` is the one the cookie names; browsers that never signed in leave nothing behind."""

    def __init__(self, sessions: Sessions, cookie: str) -> None:
        self._sessions = sessions
        self._cookie = cookie

    def open_session(self, app: Flask, request: Request) -> Session:
        """Find it, or begin one that is not kept."""
        key = request.cookies.get(self._cookie, "")
        return (self._sessions.find(key) if key else None) or Session()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Hand out the cookie of a session that has just been opened."""
        assert isinstance(session, Session)  # noqa: S101  (what open_session returned)
        if session.pop("_cookie_due", False):
            response.set_cookie(self._cookie, session.key, httponly=True, samesite="Strict", path="/")
        response.vary.add("Cookie")
