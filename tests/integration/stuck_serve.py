"""`serve` whose every decision hangs, for the tests of P13: `python -m tests.integration.stuck_serve FLAGS`."""

import sys
import threading

from autotrader_v2.app.cli import main
from autotrader_v2.application.deciding import Decider


def hang_in_a_decision(*_: object, **__: object) -> None:
    """As a defect in a native library would."""
    threading.Event().wait()


if __name__ == "__main__":
    Decider.step = hang_in_a_decision  # type: ignore[method-assign,assignment]
    sys.exit(main(["serve", *sys.argv[1:]]))
