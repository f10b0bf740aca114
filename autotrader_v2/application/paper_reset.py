"""The paper account begun anew: its starting money back, open cycles forgotten, the history kept.

Paper balances are what the account began with and what the journal's fills moved. What they moved before a reset is
kept beside them as forgotten, so that a restart works out the same balances.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from autotrader_v2.application.events import CommandGiven, CycleChanged, SettingSet
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.refusals import order_in_flight
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Active, CycleReset, TradingCycle, apply
from autotrader_v2.domain.money import ZERO, plain

SETTING = "paper_forgotten"


class PaperReset:
    """`restore` makes the paper account hold exactly what it is given; `start` is what it begins with."""

    def __init__(
        self, floor: Floor, restore: Callable[[Mapping[str, Decimal]], None], start: Mapping[str, Decimal]
    ) -> None:
        self._floor = floor
        self._restore = restore
        self._start = dict(start)

    @property
    def start(self) -> Mapping[str, Decimal]:
        """What the account begins with."""
        return self._start

    def reset(self, by: str) -> None:
        """Begin anew. Errors: `CommandRefused` while an order or command is out; then nothing was changed."""
        floor = self._floor
        slots = tuple(floor.slots.values())
        claimed: list[Slot] = []
        after: dict[Slot, TradingCycle] = {}
        now_ms = floor.clock.now_ms()
        try:
            for slot in slots:
                # Every market waits as for an order: no fill is booked and nothing is decided meanwhile.
                if not slot.claim("paper_reset", now_ms):
                    raise order_in_flight(slot)
                claimed.append(slot)
            event = CycleReset(time_ms=floor.exchange.now_ms())
            forgotten = {slot: apply(slot.state.cycle, event) for slot in slots if isinstance(slot.state.cycle, Active)}
            # Dust and coins left alone stay, as the books still know of them.
            kept = _added(
                (slot.market.base, cycle.tally.dust.coins + cycle.tally.ignored)
                for slot in slots
                for cycle in (forgotten.get(slot, slot.state.cycle),)
            )
            moved = _added((*floor.journal.balances({}).items(), *((name, -amount) for name, amount in kept.items())))
            value = {name: plain(amount) for name, amount in moved.items()}
            floor.journal.write(
                CommandGiven(name="paper_reset", market=None, values={}, by=by, time_ms=now_ms),
                SettingSet(name=SETTING, value=value, by=by, time_ms=now_ms),
                *(
                    CycleChanged(market=slot.market, event=event, after=cycle, time_ms=now_ms)
                    for slot, cycle in forgotten.items()
                ),
            )
            after = forgotten
            self._restore(_added((*self._start.items(), *kept.items())))
        finally:
            for slot in claimed:
                slot.release(**({"cycle": after[slot]} if slot in after else {}))
        floor.want_balances.set()
        floor.want_reconcile.set()
        for slot in slots:
            floor.publish_cycle(slot)
            floor.board.mark_due(slot.market)
            floor.changed(slot)


def _added(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Sums by currency, without those that are nothing."""
    sums: dict[str, Decimal] = {}
    for name, amount in amounts:
        sums[name] = sums.get(name, ZERO) + amount
    return {name: amount for name, amount in sums.items() if amount}


def started_with(start: Mapping[str, Decimal], settings: Mapping[str, Any]) -> Mapping[str, Decimal]:
    """What a paper account counts as begun with, so that with all fills it holds what it did after its last reset."""
    forgotten = {name: Decimal(text) for name, text in (settings.get(SETTING) or {}).items()}
    names = dict.fromkeys((*start, *forgotten))
    return {name: start.get(name, ZERO) - forgotten.get(name, ZERO) for name in names}
