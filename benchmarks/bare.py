"""Parts of the engine with as little as possible behind them."""

from typing import Any


class NoJournal:
    """Keeps nothing; for parts that only note decisions."""

    def note(self, _decision: object) -> None:
        """Forget it."""

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"nothing here needs {name}")
