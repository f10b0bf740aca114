"""The two documents: the page itself, and what a browser sees that nobody has signed in."""

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, session
from flask_limiter import Limiter
from flask_wtf.csrf import generate_csrf

from web.access import sign_in, sign_out, signed_in
from web.config import WebConfig
from web.endpoints import desk
from web.sessions import Sessions

_MODES = {"paper": "paper", "sandbox": "testnet", "live": "live"}
_WORDS = {
    "paper": ("PAPER", "simulated money"),
    "testnet": ("TESTNET", "no value"),
    "live": ("LIVE", "real money"),
}


def make(sessions: Sessions, config: WebConfig, limiter: Limiter, *, cookie: str) -> Blueprint:
    """The blueprint of both."""
    pages = Blueprint("pages", __name__)

    @pages.get("/")
    def index() -> Response:
        """The page, or how to sign in."""
        if not signed_in():
            return _door(401)
        overview = desk().overview()
        mode = _MODES.get(str(overview["mode"]), "live")
        words, meaning = _WORDS[mode]
        return make_response(
            render_template(
                "index.html",
                mode=mode,
                words=words,
                meaning=meaning,
                csrf=generate_csrf(),
                socket_token=session["socket_token"],
            )
        )

    @pages.get("/open")
    @limiter.limit("10 per minute", key_func=lambda: "sign-in")
    def open_link() -> Response:
        """Use the link. The next page is asked for by this one, so that the strict cookie goes along."""
        if request.method == "GET" and sessions.use_link_token(request.args.get("token", "")):
            sign_in(sessions)
            return make_response(render_template("opened.html"))
        if signed_in():
            return make_response(redirect("/"))
        return _door(403)

    @pages.post("/new-link")
    @limiter.limit("3 per minute", key_func=lambda: "new-link")
    def new_link() -> Response:
        """Print another link in the console: only who sees the console can use it."""
        config.tell(
            f"Open {request.host_url}open?token={sessions.new_link_token()}  (asked for on the page; works once)"
        )
        return make_response(render_template("door.html", why="printed"))

    @pages.post("/sign-out")
    def leave() -> Response:
        """End this browser's session."""
        return sign_out(sessions, make_response(current_app.json.dumps({"success": True})), cookie)

    return pages


def _door(status: int) -> Response:
    response = make_response(render_template("door.html", why="used" if status == 403 else "needed"))
    response.status_code = status
    return response
