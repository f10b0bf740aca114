"""What the page's server needs to know from the settings."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """`port` 0 takes a free one. `api_token` None: no scripts. `stop_token`: what a request to stop must show.

    `tell` prints a line to the person at the console: a new sign-in link they asked for on the page.
    """

    host: str = "127.0.0.1"
    port: int = 0
    api_token: str | None = field(default=None, repr=False)
    stop_token: str = field(default="", repr=False)
    session_secret: bytes = field(default=b"", repr=False)
    tell: Callable[[str], None] = _tell
