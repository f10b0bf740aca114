"""A process that holds a data folder, for the tests of `restart`: `python -m tests.integration.holder FOLDER MANNER`.

Manners: `obeys` stops when asked over HTTP; `deaf` answers 403 and stops at SIGTERM; `stubborn` stops at nothing.
"""

import http.server
import signal
import sys
import threading
from pathlib import Path

from autotrader_v2.app import instance
from autotrader_v2.app.restart import STOP_HEADER, STOP_PATH


def main(folder: Path, manner: str) -> None:
    """Hold the folder until told otherwise; print READY when others may ask."""
    stopping = threading.Event()

    with instance.claim(folder) as held:

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                allowed = self.path == STOP_PATH and self.headers[STOP_HEADER] == held.stop_token
                agreed = allowed and manner == "obeys"
                self.send_response(202 if agreed else 403)
                self.send_header("Content-Length", "0")
                self.end_headers()
                if agreed:
                    stopping.set()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        if manner == "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            port = server.server_port
            held.publish(host="127.0.0.1", port=port, url=f"http://127.0.0.1:{port}/", flags={"seed": "7"})
            print("READY", flush=True)
            stopping.wait()
            server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
