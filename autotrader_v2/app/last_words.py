"""The end of an engine that hangs (fault row P13): no more orders, all stacks on disk, out, whatever still blocks."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import structlog

from autotrader_v2.app import stacks

# The exit code that says: ended by itself because it hung. Restarting is right.
EXIT_STUCK = 70
LAST_WORDS_S = 1.5

_log = structlog.get_logger()


def end_stuck(
    data_dir: Path,
    exit_code: int,
    *,
    hold: Callable[[], None],
    tell: Callable[[], None],
    close: Callable[[], None],
) -> NoReturn:
    """End the process within `LAST_WORDS_S`. Each step runs beside the others, for any of them may hang as well.

    `hold` stops sending, `tell` alerts, `close` lets journal and channels write what they have. Nothing is lost when
    they do not come to it: an order's intent is durable before it leaves, and the next start asks what became of it.
    """
    ends_s = time.monotonic() + LAST_WORDS_S
    try:
        stopping = _beside(hold)
        written = stacks.dump(data_dir)
        said = _beside(lambda: _log.error("the engine is stuck; ending", stacks=str(written), exit_code=exit_code))
        telling = _beside(tell)
        for step in (stopping, said, telling):
            # What hangs itself leaves the others their share.
            step.join(LAST_WORDS_S / 4)
        _beside(close).join(max(0.0, ends_s - time.monotonic()))
    finally:
        os._exit(exit_code)


def _beside(step: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=step, name="last-words", daemon=True)
    thread.start()
    return thread
