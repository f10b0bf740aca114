"""Keeps the wallet's reading fresh: one read serves every market that waits for one."""

import threading
from collections.abc import Mapping
from decimal import Decimal

import structlog

from autotrader_v2.application.floor import Floor
from autotrader_v2.application.ports import AccessRefused, ExchangeUnavailable, Holding
from autotrader_v2.application.refusals import CommandRefused, balance_unknown, order_in_flight
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.situation import BaseReading, Reason

_log = structlog.get_logger()
_RETRY_FIRST_S = 0.5
_RETRY_MAX_S = 30.0
# A resume asks anew within this; until then the exchange itself is left in peace by whoever remembers its refusal.
REFUSED_S = 2.0
# Decisions that the coins or the money of the account decided; a new reading changes no other.
_DECIDED_BY_BALANCES = frozenset(
    {
        Reason.BALANCE_UNKNOWN,
        Reason.SHORTAGE,
        Reason.LOCKED_IN_YOUR_ORDER,
        Reason.TOO_SMALL_TO_SELL,
        Reason.HOLDS_COINS,
        Reason.NEEDS_MONEY,
    }
)


class BalanceReader:
    """Reads balances when asked (after every order, while a market waits), at most one read at a time."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self.failing = False
        self.busy = False

    def read(self) -> Mapping[str, Holding]:
        """One reading, in order with the orders around it. Errors: `ExchangeUnavailable`."""
        wallet = self._floor.wallet
        token = wallet.begin_reading()
        holdings = self._floor.exchange.balances()
        wallet.arrived(token, holdings)
        return holdings

    def reading_of(self, slot: Slot) -> BaseReading:
        """The market's coins by a reading good enough to act on, read now if need be. Errors: `CommandRefused`."""
        reading = self._floor.wallet.base_reading(slot.market)
        if reading is None and slot.state.order is None:
            try:
                self.read()
            except ExchangeUnavailable as error:
                raise balance_unknown(f"The balance cannot be read now. {error}") from error
            reading = self._floor.wallet.base_reading(slot.market)
        if reading is None:
            raise order_in_flight(slot)
        return reading

    def run(self, stopping: threading.Event) -> None:
        """Serve requests until told to stop; a failed read is repeated with growing pauses."""
        floor = self._floor
        retry_s = _RETRY_FIRST_S
        while not stopping.is_set():
            if not floor.clock.wait(floor.want_balances, 1.0):
                continue
            self.busy = True
            floor.want_balances.clear()
            if stopping.is_set():
                return
            try:
                self.read_and_decide()
            except ExchangeUnavailable as error:
                self.failing, self.busy = True, False
                if isinstance(error, AccessRefused):
                    floor.refused_account(error.label, error.what)
                    retry_s = REFUSED_S
                _log.warning("balances could not be read; markets that need them wait", what=error.what)
                floor.clock.wait(stopping, retry_s)
                retry_s = min(retry_s * 2, _RETRY_MAX_S)
                floor.want_balances.set()
                continue
            except Exception:
                self.failing, self.busy = True, False
                raise
            self.failing, retry_s = False, _RETRY_FIRST_S
            self.busy = False

    def read_and_decide(self) -> None:
        """Read, and have every market that waited for it decided anew. Errors: `ExchangeUnavailable`."""
        floor = self._floor
        self.read()
        for market, slot in floor.slots.items():
            if slot.hold.reason in _DECIDED_BY_BALANCES:
                floor.board.mark_due(market)


def outside_coins(slot: Slot, reading: BaseReading) -> Decimal:
    """Coins of the account that are neither cycle, dust nor ignored."""
    cycle = slot.state.cycle
    held = cycle.held if isinstance(cycle, Active) else ZERO
    return reading.total - held - cycle.tally.dust.coins - cycle.tally.ignored


def require_settled(floor: Floor, slot: Slot) -> None:
    """Errors: `CommandRefused` while a balance may not show yet what has traded a moment ago."""
    settled_ms = slot.state.quote_after_ms + int(floor.config.balance_lag_s * 1000)
    if (wait_ms := settled_ms - floor.exchange.now_ms()) > 0:
        wait_s = str(wait_ms // 1000 + 1)
        raise CommandRefused(
            "balance_lags",
            f"{slot.market.base} has traded a moment ago and the exchange's balance may not show it yet, so "
            f"nothing was changed. Try again in {wait_s} s.",
            values={"currency": slot.market.base, "wait_s": wait_s},
        )


def reading_now(floor: Floor, slot: Slot) -> BaseReading:
    """The newest reading of a market that is claimed or locked: no order of ours moves its coins any more.

    Errors: `CommandRefused` when one has since it was read.
    """
    reading = floor.wallet.base_reading(slot.market)
    if reading is None:
        raise balance_unknown("An order has moved coins meanwhile. Nothing was changed; try again.")
    return reading
