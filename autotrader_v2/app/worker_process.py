"""What every process that works for another one does first."""

import os
import signal
from multiprocessing import parent_process
from multiprocessing.connection import wait
from threading import Thread


def serve_the_parent() -> None:
    """Leave Ctrl-C to the parent, and end with it.

    Only in processes begun afresh ("spawn"): a forked one holds the ends of the pipes by which its sisters see the
    parent's death.
    """
    # Ctrl-C reaches every process of the terminal; the one that hands out the work decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_the_parent, name="parent", daemon=True).start()


def _end_with_the_parent() -> None:
    """One that was killed says nothing, and its queue would be waited at for ever."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
