"""What simulated engines log is for nobody, except a caught defect: the engine goes on after it, the world must not."""

import gc
import sys
from typing import Any

import structlog

from autotrader_v2.simulation.heard import Broken

_GARBAGE_AFTER = 50_000


class _Silent:
    """A structlog logger that says nothing."""

    def __init__(self, *_anything: Any, **_more: Any) -> None:
        pass

    def bind(self, **_values: Any) -> "_Silent":
        """See structlog."""
        return self

    new = bind

    def info(self, *_anything: Any, **_more: Any) -> None:
        """See structlog."""

    debug = warning = error = info

    def exception(self, event: str, **_values: Any) -> None:
        """A defect that the engine survived. Errors: always `Broken`."""
        error = sys.exc_info()[1]
        raise Broken("defect", f"{event}: {type(error).__name__}: {error}") from error


def quiet() -> None:
    """Log nothing in this program from now on, and look for garbage rarely."""
    gc.set_threshold(_GARBAGE_AFTER, 20, 50)
    structlog.configure(wrapper_class=_Silent, cache_logger_on_first_use=False)  # type: ignore[arg-type]
