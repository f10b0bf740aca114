"""What a watchdog makes of what it sees. Values in, verdicts out; times are seconds of a clock that never jumps."""

from dataclasses import dataclass
from enum import Enum, auto

from autotrader_v2.app.heartbeat import Vitals
from autotrader_v2.application.lines import hangs

EXIT_BAD_SETTINGS = 2
EXIT_INTERRUPTED = 130
_SIGINT = 2
_WORKING = frozenset({"running", "starting", "stopping"})
_STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the watchdog waits for what. A silent engine is first told of, then ended."""

    look_every_s: float = 1.0
    first_beat_s: float = 60.0
    silent_s: float = 5.0
    hung_s: float = 6.5
    unwell_s: float = 60.0
    # A life shorter than this counts as a failed start; so many in a row, and it gives up.
    short_life_s: float = 300.0
    failures_max: int = 10
    back_off_max_s: float = 300.0
    stop_wait_s: float = 30.0


class Finding(Enum):
    """What a look at a living engine shows; each once until it changes."""

    SILENT = auto()
    HUNG = auto()
    UNWELL = auto()
    WELL = auto()


class Watch:
    """Watches one life of the engine."""

    def __init__(self, patience: Patience, born_s: float) -> None:
        self._patience = patience
        self._born_s = self._looked_s = self._changed_s = born_s
        self._mark: object = None
        self._used_s: float | None = None
        self._unwell_since_s: float | None = None
        self._told: set[Finding] = set()

    def silent_for_s(self, now_s: float) -> float:
        """Since the last sign of life."""
        return now_s - self._changed_s

    def unwell_for_s(self, now_s: float) -> float:
        """Since it was last seen well; 0 when it is."""
        return 0.0 if self._unwell_since_s is None else now_s - self._unwell_since_s

    def look(self, now_s: float, mark: object, vitals: Vitals | None, used_s: float | None = None) -> list[Finding]:
        """Take what the heartbeat shows now. `mark` changes with every sign of life; None before the first.

        `used_s`: the processor time that the engine has had so far; None: nobody knows.
        """
        slept = now_s - self._looked_s > self._patience.silent_s
        self._looked_s = now_s
        if mark != self._mark or slept:
            # After a sleep of the machine, or of this watchdog, the engine gets its time anew.
            self._mark, self._changed_s, self._used_s = mark, now_s, used_s
            self._told -= {Finding.SILENT, Finding.HUNG}
        findings = self._silence(now_s, used_s)
        if mark is not None and vitals is not None:
            findings += self._health(now_s, vitals)
        return findings

    def _silence(self, now_s: float, used_s: float | None) -> list[Finding]:
        patience = self._patience
        silent_s, hung_s = patience.silent_s, patience.hung_s
        if self._mark is None:
            silent_s = hung_s = patience.first_beat_s
        quiet_s = self.silent_for_s(now_s)
        found = [Finding.SILENT] if quiet_s > silent_s else []
        used_s = None if used_s is None or self._used_s is None else used_s - self._used_s
        return self._new([*found, Finding.HUNG] if hangs(quiet_s, used_s, hung_s) else found)

    def _health(self, now_s: float, vitals: Vitals) -> list[Finding]:
        if vitals.ok and vitals.phase != "failed":
            self._unwell_since_s = None
            was_told = Finding.UNWELL in self._told
            self._told.discard(Finding.UNWELL)
            return [Finding.WELL] if was_told else []
        if self._unwell_since_s is None:
            self._unwell_since_s = now_s
        return self._new([Finding.UNWELL] if self.unwell_for_s(now_s) > self._patience.unwell_s else [])

    def _new(self, findings: list[Finding]) -> list[Finding]:
        fresh = [one for one in findings if one not in self._told]
        self._told.update(fresh)
        return fresh


@dataclass(frozen=True, slots=True)
class Again:
    """Start it again after a pause. `failures`: short lives in a row, this one included."""

    after_s: float
    failures: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Starting it again would not help."""

    failures: int


@dataclass(frozen=True, slots=True)
class Done:
    """A person ended it."""

    exit_code: int


def after_end(patience: Patience, exit_code: int, lived_s: float, failures: int) -> Again | GiveUp | Done:
    """Say what follows when the engine ended by itself. `failures`: short lives in a row before this one."""
    if exit_code in (0, EXIT_INTERRUPTED, -_SIGINT):
        return Done(exit_code if exit_code >= 0 else EXIT_INTERRUPTED)
    failures = failures + 1 if lived_s < patience.short_life_s else 1
    if exit_code == EXIT_BAD_SETTINGS or failures > patience.failures_max:
        return GiveUp(failures)
    return Again(min(patience.back_off_max_s, 2.0 ** (failures - 1)), failures)


def cycles_left(vitals: Vitals) -> int | None:
    """How many cycles an engine that died after this sign of life left open; None: one more may have begun since.

    Signs are a second apart: even where nothing was switched on, a person may have bought in between.
    """
    if vitals.open_cycles == 0 and (vitals.phase != _STOPPED or vitals.markets_on or vitals.open_orders):
        return None
    return vitals.open_cycles


class DeadMan:
    """The owner's wish for when nobody watches over bought coins any more: sell after so many minutes."""

    def __init__(self, minutes: int, now_s: float, open_cycles: int | None) -> None:
        self.minutes = minutes
        self._open_cycles = open_cycles
        self._at_work_s = now_s

    def seen(self, now_s: float, vitals: Vitals) -> None:
        """Take a fresh sign of life. An engine that could not start lives, but watches over nothing."""
        if vitals.phase in _WORKING:
            self._at_work_s = now_s
        if vitals.open_cycles is not None:
            self._open_cycles = cycles_left(vitals)

    def slept(self, now_s: float) -> None:
        """The machine slept: that was no failure to bring the engine back."""
        self._at_work_s = now_s

    @property
    def armed(self) -> bool:
        """Whether the owner chose it, and coins are bought or it is not known."""
        return self.minutes > 0 and self._open_cycles != 0

    def due(self, now_s: float) -> bool:
        """Whether to sell now."""
        return self.armed and now_s - self._at_work_s >= self.minutes * 60

    def disarm(self) -> None:
        """Everything is sold."""
        self._open_cycles = 0
