"""What the Lab's worker tells of a job that cannot be done: codes and values for the page's catalogues."""

from pathlib import Path
from typing import Any

from autotrader_v2.app.stretches import Holes
from autotrader_v2.backtest.result import BacktestFailed
from autotrader_v2.domain.ladder import BadLadder
from autotrader_v2.infrastructure.feeds.errors import SourceError
from autotrader_v2.search.trials import StudyUnavailable


class Impossible(Exception):
    """The job cannot be done; `code`, `reason` and `values` for the page's catalogues."""

    def __init__(self, code: str, what: str, reason: str = "", **values: str) -> None:
        super().__init__(what)
        self.code, self.reason, self.values = code, reason, values


def failure_of(error: BaseException) -> dict[str, Any]:
    """The worker's answer; see `WorkerFailed`."""
    what = error.listed if isinstance(error, Holes) else str(error)
    return {"failed": _code(error), "what": what or type(error).__name__, "where": where_of(error), **why_of(error)}


def _code(error: BaseException) -> str:
    match error:
        case Impossible():
            return error.code
        case Holes():
            return "holes"
        # Numbers that no rule forbids and that nobody can reckon with.
        case BadLadder() | ArithmeticError():
            return "bad_ladder"
        case BacktestFailed():
            return "engine_failed"
        case MemoryError():
            return "no_memory"
        case StudyUnavailable():
            return "no_studies"
        case _:
            return "bad_data"


def where_of(error: BaseException) -> str:
    """File, row and column in no language, as far as they are known."""
    match error:
        case SourceError():
            return error.where
        case OSError(filename=str() as name):
            return Path(name).name
        case BadLadder():
            return error.field
        case _:
            return ""


def why_of(error: BaseException) -> dict[str, Any]:
    """What is wrong as a code and the values of its sentence; an empty one where only the English words tell it."""
    if isinstance(error, SourceError | BacktestFailed | Impossible):
        return {"reason": error.reason, "values": error.values}
    return {"reason": "", "values": {}}
