"""The machine's own clock."""

import threading
import time


class SystemClock:
    """The `Clock` port over the operating system."""

    def now_ms(self) -> int:
        """See the port."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """See the port."""
        return time.monotonic()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """See the port."""
        return event.wait(timeout_s)
