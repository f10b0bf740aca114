"""What may go wrong and how often, drawn from the seed.

Each kind has its own stream of chance, and each event of it a number, so leaving one out leaves the others where they
were: that is how a long history is made short (`shrinking.py`).
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping

from autotrader_v2.simulation.event_names import Event, name_of

# Chance per opportunity. An opportunity is a call, a write, a price or a person's turn, as the name begins.
GATE_AS_SEEN: Mapping[str, float] = {
    "send_lost_before": 0.004,
    "send_lost_after": 0.004,
    "send_error_before": 0.004,
    "send_error_after": 0.004,
    "send_late": 0.004,
    "send_refused": 0.002,
    "order_invisible": 0.03,
    "find_fails": 0.05,
    "find_partial": 0.1,
    "balances_fail": 0.02,
    "balances_late": 0.05,
    "book_fails": 0.02,
    "trades_fail": 0.05,
    "rules_fail": 0.05,
    "warm_fails": 0.02,
    "fill_twice": 0.02,
    "fill_missed": 0.02,
    "fill_late": 0.05,
    "price_twice": 0.02,
    "price_old": 0.01,
    "price_crossed": 0.002,
    "price_spike": 0.002,
    "price_silence": 0.001,
    "price_thin": 0.05,
    "write_slow": 0.002,
    "crash_idle": 0.002,
    "stop_idle": 0.002,
    "machine_sleeps": 0.001,
    "person_exit": 0.03,
    "person_hold": 0.01,
    "person_switch": 0.05,
    "person_quick_buy": 0.03,
    "person_sell_all": 0.03,
    "person_params": 0.03,
    "hand_sell": 0.01,
    "hand_buy": 0.01,
    "hand_deposit": 0.02,
}

HOSTILE: Mapping[str, float] = {
    **GATE_AS_SEEN,
    "send_lost_before": 0.015,
    "send_lost_after": 0.015,
    "send_error_before": 0.015,
    "send_error_after": 0.015,
    "send_late": 0.015,
    "send_not_sent": 0.01,
    "send_refused": 0.01,
    "send_refused_lasting": 0.002,
    "send_refused_account": 0.001,
    "send_doubled": 0.004,
    "order_invisible": 0.06,
    "order_hidden": 0.006,
    "trades_hidden": 0.006,
    "hidden_streamed": 0.3,
    "find_fails": 0.1,
    "find_partial": 0.3,
    "balances_fail": 0.03,
    "balances_late": 0.05,
    "balances_old": 0.05,
    "book_fails": 0.15,
    "trades_fail": 0.15,
    "rules_fail": 0.1,
    "warm_fails": 0.2,
    "outage": 0.004,
    "fill_twice": 0.1,
    "fill_missed": 0.1,
    "fill_late": 0.2,
    "price_twice": 0.05,
    "price_old": 0.03,
    "price_crossed": 0.01,
    "price_nan": 0.01,
    "price_spike": 0.01,
    "price_jump": 0.005,
    "price_crash": 0.001,
    "price_silence": 0.002,
    "price_thin": 0.08,
    "price_wide": 0.01,
    "worker_starved": 0.01,
    "write_fails": 0.01,
    "write_full": 0.001,
    "write_slow": 0.01,
    "crash_before_write": 0.004,
    "crash_after_write": 0.004,
    "crash_before_send": 0.004,
    "crash_while_sent": 0.004,
    "crash_after_send": 0.004,
    "crash_before_read": 0.001,
    "crash_idle": 0.005,
    "stop_idle": 0.005,
    "machine_sleeps": 0.003,
    "clock_step": 0.003,
    "rules_change": 0.01,
    "status_change": 0.01,
    "fee_change": 0.01,
    "person_switch": 0.05,
    "person_global": 0.02,
    "person_reset": 0.02,
    "person_write_off": 0.02,
    "person_adopt": 0.05,
    "person_ignore": 0.03,
    "person_quick_buy": 0.08,
    "person_sell_all": 0.08,
    "person_params": 0.08,
    "person_limits": 0.02,
    "hand_sell": 0.04,
    "hand_buy": 0.02,
    "hand_deposit": 0.03,
    "hand_withdraw": 0.02,
    "hand_withdraw_coins": 0.01,
    "hand_lock": 0.02,
    "person_order_limits": 0.01,
    "person_common": 0.02,
    "person_sell_everything": 0.01,
    "person_enough": 0.02,
    "person_leave": 0.05,
    "person_primary": 0.005,
}

CALM: Mapping[str, float] = {"person_switch": 0.02, "person_quick_buy": 0.02, "person_sell_all": 0.02}

PROFILES: Mapping[str, Mapping[str, float]] = {"calm": CALM, "gate_as_seen": GATE_AS_SEEN, "hostile": HOSTILE}
# Of the kinds of a profile a seed leaves out so many: rare ones meet more often where common ones are missing.
_LEFT_OUT = 0.25

# What an event of a kind draws, at once, of the chance that all share: when it is left out as much is thrown away, or
# every draw after it would be another one. Others change what follows by more than that.
_DRAWN: Mapping[str, int] = {
    "order_invisible": 1,
    "balances_late": 2,
    "fill_twice": 1,
    "price_old": 2,
    "price_silence": 1,
    "price_thin": 1,
    "worker_starved": 2,
    "write_full": 1,
    "outage": 1,
}


class Dice:
    """All chance of one world. `happened` counts the faults by kind, `events` lists them as they came.

    `only`: events that may happen, all others are left out; None: every one happens. `note` hears of each.
    """

    def __init__(
        self,
        seed: int,
        rates: Mapping[str, float],
        without: frozenset[str] = frozenset(),
        only: frozenset[Event] | None = None,
        note: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self.seed = seed
        self.rng = random.Random(f"{seed}:world")
        self.happened: Counter[str] = Counter()
        self.events: list[Event] = []
        self._only = only
        self._note = note
        # Counts also those left out: an event keeps its number.
        self._number: Counter[str] = Counter()
        self._streams: dict[str, random.Random] = {}
        swarm = random.Random(f"{seed}:swarm")
        chosen = {kind: rate for kind, rate in rates.items() if swarm.random() >= _LEFT_OUT}
        self._rates = {kind: rate for kind, rate in chosen.items() if kind not in without}
        self._until = {kind: self._gap(kind) for kind in self._rates}

    def hit(self, kind: str) -> bool:
        """Whether it happens at this opportunity."""
        left = self._until.get(kind)
        if left is None:
            return False
        if left:
            self._until[kind] = left - 1
            return False
        self._until[kind] = self._gap(kind)
        self._number[kind] += 1
        event = Event(kind, self._number[kind])
        if self._only is not None and event not in self._only:
            for _ in range(_DRAWN.get(kind, 0)):
                self.rng.random()
            return False
        self.happened[kind] += 1
        self.events.append(event)
        self._note(name_of(event))
        return True

    def ms(self, low: int, high: int) -> int:
        """A time between the two."""
        return low + int(self.rng.random() * (high - low))

    def mostly_short_ms(self, low: int, high: int) -> int:
        """A time between the two, more often a short one: in a long one little happens."""
        return low + int(self.rng.random() ** 3 * (high - low))

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self._until.clear()

    def _gap(self, kind: str) -> int:
        """Opportunities to let pass before the next one: a draw for each of them would cost more than they do."""
        stream = self._streams.get(kind)
        if stream is None:
            stream = self._streams[kind] = random.Random(f"{self.seed}:{kind}")
        rate = self._rates[kind]
        gap = 0
        while stream.random() >= rate:
            gap += 1
        return gap
