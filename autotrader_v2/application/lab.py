"""What the page may ask of the Lab: runs of ladders over recorded candles, in a process of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# How many runs are kept, and how many may wait their turn.
RUNS_MAX = 60
QUEUE_MAX = 10
# Of one run: 0.7 GB in the worker while its figures are counted.
CANDLES_MAX = 600_000
COINS_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LabWish:
    """One run. `ladder`: every parameter that is not the default, as text; `budget` in quote currency, as text.

    `interval_ms`: candles of that length only. `from_ms`, `to_ms`: those that begin in `[from_ms, to_ms)`.
    `rules_ms`: the markets' rules fit the first price from then on; None: from `from_ms`.
    """

    name: str
    symbols: Sequence[str]
    interval_ms: int
    from_ms: int
    to_ms: int | None
    budget: str
    ladder: Mapping[str, Any]
    rules_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchWish(LabWish):
    """`ranges`: parameter → FROM:TO:STEP, instead of the ladder's own value; `objectives` as the command names them."""

    ranges: Mapping[str, str]
    trials: int
    objectives: Sequence[str]


class Lab(Protocol):
    """Thread-safe. A worker process of low priority does the work, one job after another."""

    def runs(self) -> Mapping[str, Any]:
        """Every kept run, newest first, and what limits them."""

    def run(self, run_id: str) -> Mapping[str, Any]:
        """One run with its result, as far as there is one. Errors: `CommandRefused` 404."""

    def data(self) -> Mapping[str, Any]:
        """The candle files there are; `reading`: some are still being looked at."""

    def begin(self, wish: LabWish) -> Mapping[str, Any]:
        """Queue a run; answers with its `id`. Errors: `CommandRefused`."""

    def cancel(self, run_id: str) -> None:
        """End a run that waits or works; one that is over stays as it is. Errors: `CommandRefused` 404."""

    def rename(self, run_id: str, name: str) -> None:
        """Keep a run under a name; an empty one keeps it no longer. Errors: `CommandRefused` 404."""

    def delete(self, run_id: str) -> None:
        """Forget a run; one that works is ended. Errors: `CommandRefused` 404."""

    def history(self, symbol: str, ladder: Mapping[str, Any], *, ask: bool) -> Mapping[str, Any]:
        """What this ladder did on a coin's recorded candles: `state` none, unknown, working, failed or known.

        `ask`: let the worker find out what is unknown; the answer does not wait for it.
        """

    def sweeps(self) -> Mapping[str, Any]:
        """The searches of `mTrade.py sweep`: `state` working, failed (`what`) or known, then `told`.

        Reading waits for nobody: ask again. `search`: how the one begun here last is, None before any.
        """

    def search(self, wish: SearchWish) -> None:
        """Search ladders in a process beside that of the runs; one at a time. Errors: `CommandRefused`."""

    def stop_search(self) -> None:
        """Stop it, what is done is kept; a second time: at once."""

    def sweep(self, name: str, x: str, y: str, figure: str) -> Mapping[str, Any]:
        """Two parameters of a search against a figure, and its ladders by profit and fall; as `sweeps`.

        Errors: `CommandRefused` 404.
        """

    def ladder(self, name: str, number: int) -> Mapping[str, Any]:
        """A search's ladder on each stretch of the candles it was chosen by, with what a run of it needs; as `sweeps`.

        Errors: `CommandRefused` 404.
        """
