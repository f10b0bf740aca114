"""The page's server: binds, serves, hands out the one-time link, ends."""

import secrets
import threading
from dataclasses import replace

from autotrader_v2.application.desk import Desk
from web.app import create_app
from web.config import WebConfig
from web.http_server import CannotServe, LoopbackServer

__all__ = ["CannotServe", "WebConfig", "WebServer", "create_server"]


class WebServer:
    """Bound when made; answers after `start` or `serve`."""

    def __init__(self, desk: Desk, config: WebConfig) -> None:
        config = replace(config, session_secret=config.session_secret or secrets.token_bytes(32))
        self._http = LoopbackServer(config.host, config.port)
        self.port = int(self._http.server_address[1])
        host = f"[{config.host}]" if ":" in config.host else config.host
        self.url = f"http://{host}:{self.port}/"
        self._web = create_app(desk, config, port=self.port)
        self._http.app = self._web.wsgi
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve on a thread of its own."""
        self._thread = threading.Thread(target=self.serve, name="web", daemon=True)
        self._thread.start()

    def serve(self) -> None:
        """Serve until `shutdown` is called from another thread."""
        self._web.push.start()
        self._http.serve_forever(poll_interval=0.1)

    def shutdown(self) -> None:
        """Stop answering and give the port back."""
        self._web.push.stop()
        self._http.shutdown()
        self._http.server_close()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def one_time_link(self) -> str:
        """A link that signs one browser in, once."""
        return f"{self.url}open?token={self._web.sessions.new_link_token()}"


def create_server(desk: Desk, config: WebConfig) -> WebServer:
    """Bind and put everything together. Errors: `CannotServe` when the port is taken."""
    return WebServer(desk, config)
