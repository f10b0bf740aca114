"""A person's wishes: switches, resets, adoption, parameters. Journalled, under the same claim as an order.

Every refusal says what is in the way. While an order is unresolved whatever would change the cycle answers 409.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from typing import Any

import structlog

from autotrader_v2.application.deciding import Decider
from autotrader_v2.application.events import (
    CommandGiven,
    CycleChanged,
    ParamsSet,
    PauseSet,
    Record,
    SettingSet,
    SwitchSet,
)
from autotrader_v2.application.floor import JOURNAL_REPLACED, Floor, market_log
from autotrader_v2.application.funds import Limits
from autotrader_v2.application.ports import Doubt, ExchangeUnavailable, merged_params
from autotrader_v2.application.readings import BalanceReader, outside_coins, reading_now, require_settled
from autotrader_v2.application.refusals import CommandRefused, balance_unknown, order_in_flight
from autotrader_v2.application.slot import NO_BACKOFF, Slot
from autotrader_v2.domain.cycle import (
    Active,
    Adopted,
    CycleEvent,
    CycleReset,
    ExitAtBreakeven,
    Idle,
    OutsideIgnored,
    TermsChanged,
    WrittenOff,
    apply,
)
from autotrader_v2.domain.ladder import BadLadder, LadderParams, changed, planned
from autotrader_v2.domain.money import ZERO, floor_to, plain, reported
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.situation import BaseReading, Pause, SwitchMode

_log = structlog.get_logger()

_DAY_MS = 86_400_000
_TRADES_LOOKED_BACK_MS = 30 * _DAY_MS


class Commands:
    """Thread-safe; nothing here waits for the network but adoption, which reads balances and trades."""

    def __init__(self, floor: Floor, decider: Decider, reader: BalanceReader) -> None:
        self._floor = floor
        self._decider = decider
        self._reader = reader
        # Of two changes of the ladder of all markets the second starts from what the first has made of it. Taken before
        # any lock of a market.
        self._common_lock = threading.Lock()

    # -- switches

    def switch(self, currency: str | None, mode: SwitchMode, by: str, *, only_from: SwitchMode | None = None) -> None:
        """Set a market's switch, or the global one (currency None); acts at once, also while an order is in flight.

        `only_from`: a market's is left as it is when somebody else has set it to another one meanwhile.
        """
        floor, now_ms = self._floor, self._floor.clock.now_ms()
        slot = self.slot(currency) if currency is not None else None
        if slot is not None:
            # Never held during I/O but the journal's: database and memory see switches in the same order.
            with slot.book_lock:
                state = slot.state
                if only_from is not None and state.switch is not only_from:
                    return
                idle = mode is SwitchMode.FINISH and isinstance(state.cycle, Idle)
                # Nothing to finish is off; but a start buy on its way will be a cycle that must still be sold. Claimed,
                # so that none begins while this is written.
                claimed = idle and slot.claim("finish", now_ms)
                mode = SwitchMode.OFF if claimed else mode
                changes: dict[str, Any] = {}
                try:
                    floor.journal.write(SwitchSet(market=slot.market, mode=mode, by=by, time_ms=now_ms))
                    changes = {"switch": mode}
                finally:
                    (slot.release if claimed else slot.change)(**changes)
            market_log(slot.market).info(f"switch: {mode.value}", by=by)
            self._look_again(slot)
            return
        with floor.account_lock:
            floor.journal.write(SwitchSet(market=None, mode=mode, by=by, time_ms=now_ms))
            floor.global_switch = mode
        for one in floor.slots.values():
            self._look_again(one)

    # -- cycles

    def reset_cycle(self, currency: str, by: str) -> None:
        """Forget the cycle without selling and pause the market; its coins lie outside from then on."""
        slot = self.slot(currency)

        def change(now_ms: int) -> tuple[list[Record], CycleEvent | None, dict[str, Any]]:
            pause = Pause(cause="reset_by_you", since_ms=now_ms)
            return (
                [PauseSet(market=slot.market, pause=pause, by=by, time_ms=now_ms)],
                CycleReset(time_ms=self._floor.exchange.now_ms()),
                {"pause": pause},
            )

        self._alone(slot, "reset_cycle", by, {}, change)

    def write_off(self, currency: str, by: str) -> None:
        """The cycle's coins are gone for nothing, or too few to be sold: close it with that result and end the pause.

        Refused while the account holds them and could sell them: its coins would lose their cost for nothing.
        """
        slot = self.slot(currency)
        self._read_anew(slot)

        def change(now_ms: int) -> tuple[list[Record], CycleEvent | None, dict[str, Any]]:
            cycle = slot.state.cycle
            if isinstance(cycle, Idle):
                raise CommandRefused("no_cycle", f"{currency} has no open cycle to write off.")
            reading = self._reading_now(slot)
            there = reading.total
            price = max(self._price(slot), cycle.sell_price)
            coins = floor_to(cycle.held + cycle.tally.dust.coins, cycle.rules.lot)
            if cycle.held - there <= cycle.rules.lot and cycle.rules.sellable(coins, price):
                raise CommandRefused(
                    "coins_there",
                    f"The account holds all {plain(cycle.held)} {currency} of the cycle, so nothing was written off. "
                    "Resume the coin, sell it, or reset the cycle.",
                    values={"coins": plain(cycle.held), "currency": currency},
                )
            return (
                [PauseSet(market=slot.market, pause=None, by=by, time_ms=now_ms)],
                WrittenOff(time_ms=self._floor.exchange.now_ms()),
                {"pause": None},
            )

        self._alone(slot, "write_off", by, {}, change)

    def resume_cycle(self, currency: str | None, by: str) -> None:
        """End a pause of a market (or, currency None, of the account) and its back-off.

        Whatever the market's price is now counts as right from here on.
        """
        floor, now_ms = self._floor, self._floor.clock.now_ms()
        if floor.account_pause is not None and floor.journal.status().doubt is not Doubt.NONE:
            raise CommandRefused(
                "journal_in_doubt",
                "The journal may not be the one that the last run left. Compare the account with it; then resume the "
                "whole account, which confirms it.",
            )
        if currency is None:
            floor.pause_account(None, by)
            for one in floor.slots.values():
                self._look_again(one)
            return
        slot = self.slot(currency)
        with slot.book_lock:
            floor.journal.write(PauseSet(market=slot.market, pause=None, by=by, time_ms=now_ms))
            slot.change(pause=None, buy_backoff=NO_BACKOFF, sell_backoff=NO_BACKOFF)
            slot.known_price = None
        if floor.account_pause is not None:
            floor.pause_account(None, by)
        self._look_again(slot)

    def confirm_journal(self, by: str) -> Doubt:
        """The owner has compared the account with the journal: it is right (row P10). Returns the doubt that ended.

        Errors: `JournalUnavailable`.
        """
        floor = self._floor
        doubt = floor.journal.confirm(by)
        if doubt is not Doubt.NONE:
            _log.warning("the journal was confirmed by its owner", doubt=doubt.value, by=by)
        if floor.account_pause is not None and floor.account_pause.cause == JOURNAL_REPLACED:
            floor.pause_account(None, by)
            for one in floor.slots.values():
                self._look_again(one)
        return doubt

    def adopt(self, currency: str, *, price: Decimal | None, from_trades: bool, by: str) -> None:
        """Hand the coins that lie outside to the cycle, at a price or at what the account's own trades cost."""
        slot = self.slot(currency)
        self._read_anew(slot)
        coins, cost = self._to_adopt(slot, price, from_trades)

        def change(_now_ms: int) -> tuple[list[Record], CycleEvent | None, dict[str, Any]]:
            # While trades were read another tab may have adopted, ignored or sold them.
            if outside_coins(slot, self._reading_now(slot)) != coins:
                raise CommandRefused(
                    "outside_changed",
                    f"The coins of {currency} outside the cycle have changed meanwhile, so nothing was adopted. "
                    "Look again.",
                    values={"currency": currency},
                )
            return [], self._adopted(slot, coins, cost), {}

        self._alone(slot, "adopt", by, {"coins": plain(coins), "cost": plain(cost)}, change)

    def adoption(self, currency: str, *, price: Decimal | None, from_trades: bool) -> dict[str, Any]:
        """What `adopt` would do now, as text: coins, their cost, and the thresholds of the cycle they would make.

        `sells_now`: the bid is at the take-profit already. Errors: `CommandRefused` as `adopt`.
        """
        slot = self.slot(currency)
        coins, cost = self._to_adopt(slot, price, from_trades)
        before = slot.state.cycle
        after = apply(before, self._adopted(slot, coins, cost))
        if not isinstance(after, Active):
            raise CommandRefused("nothing_outside", f"No {currency} worth selling lies outside the cycle.")
        row, bid = after.next_step, self._price(slot)
        return {
            "currency": slot.market.base,
            "coins": plain(coins),
            "cost": plain(reported(cost)),
            "price": plain(reported(cost / coins)),
            "breakeven_before": plain(before.breakeven) if isinstance(before, Active) else None,
            "breakeven_after": plain(after.breakeven),
            "take_profit_after": plain(after.sell_price),
            "next_buy": None
            if row is None
            else {"step": row.number, "price": plain(row.price), "quote": plain(row.quote)},
            "cost_ahead": plain(reported(after.table.cost_ahead)),
            "result_now": plain(reported(coins * bid * (1 - after.rules.fee) - cost)) if bid else None,
            "sells_now": bool(bid) and bid >= after.sell_price,
            "buys_now": bool(bid) and row is not None and bid <= row.price,
        }

    def exit_at_breakeven(self, currency: str, wanted: bool, by: str) -> None:
        """Sell the whole position as soon as it gets breakeven, both fees included; False: at the take-profit again.

        Only the threshold changes: the switch still says whether it sells and buys.
        """
        slot = self.slot(currency)
        if isinstance(slot.state.cycle, Idle):
            raise CommandRefused("no_cycle", f"{currency} has no open cycle to sell.")

        def change(_now_ms: int) -> tuple[list[Record], CycleEvent | None, dict[str, Any]]:
            return [], ExitAtBreakeven(wanted=wanted), {}

        self._alone(slot, "exit_at_breakeven", by, {"wanted": "yes" if wanted else "no"}, change)

    def ignore_coins(self, currency: str, by: str) -> None:
        """Leave the coins that lie outside alone; only a larger amount asks again."""
        slot = self.slot(currency)
        self._read_anew(slot)
        told: dict[str, str] = {}

        def change(_now_ms: int) -> tuple[list[Record], CycleEvent | None, dict[str, Any]]:
            outside = outside_coins(slot, self._reading_now(slot)) + slot.state.cycle.tally.ignored
            coins = max(outside, ZERO)
            told["coins"] = plain(coins)
            return [], OutsideIgnored(coins=coins), {}

        self._alone(slot, "ignore_coins", by, told, change)

    # -- parameters

    def set_params(self, currency: str | None, changes: Mapping[str, Any], by: str) -> None:
        """Change a market's own ladder values, or the common ones; None returns a field to the common value.

        Errors: `BadLadder` with the field. Acts on a running cycle at once: profit on the active threshold, the rest on
        the rows ahead.
        """
        if currency is None:
            with self._common_lock:
                self._set_common(changes, by)
            return
        self._apply_params({self.slot(currency): changes}, by)

    def set_limits(self, total_budget: Decimal | None, max_active_cycles: int | None, by: str) -> None:
        """Limits of all markets together; None leaves one as it is, 0 means none. Errors: `CommandRefused` 400.

        Holds from the next decision on, and at the door for what is claimed already.
        """
        floor = self._floor
        # Of two changes at once the second starts from what the first has made of it, in memory as in the journal.
        with floor.account_lock:
            now = floor.wallet.limits
            limits = Limits(
                now.total_budget if total_budget is None else total_budget,
                now.max_active_cycles if max_active_cycles is None else max_active_cycles,
            )
            if limits.total_budget < 0 or limits.max_active_cycles < 0:
                raise CommandRefused("bad_limit", "A limit is 0 (none) or more.", status=400)
            value = {"total_budget": plain(limits.total_budget), "max_active_cycles": limits.max_active_cycles}
            floor.journal.write(SettingSet(name="limits", value=value, by=by, time_ms=floor.clock.now_ms()))
            floor.wallet.set_limits(limits)

    def set_order_limits(self, changes: Mapping[str, Any], by: str) -> None:
        """What buys may do at most; only what is named changes, 0 turns one off. Errors: `CommandRefused` 400.

        Holds from the next decision on, and at the door for what is claimed already.
        """
        floor = self._floor
        with floor.account_lock:
            try:
                limits = floor.buy_limits.limits.changed(changes)
            except ValueError as error:
                raise CommandRefused("bad_limit", str(error), status=400) from error
            value = limits.as_text()
            floor.journal.write(SettingSet(name="order_limits", value=value, by=by, time_ms=floor.clock.now_ms()))
            floor.buy_limits.set_limits(limits)
        for slot in floor.slots.values():
            self._look_again(slot)

    def preview_params(self, slot: Slot, changes: Mapping[str, Any]) -> LadderParams:
        """The market's ladder with these changes, checked but not applied. Errors: `BadLadder`."""
        return merged_params(self._floor.common, _own_with(slot, changes))

    def _set_common(self, changes: Mapping[str, Any], by: str) -> None:
        given = {name: value for name, value in changes.items() if value is not None}
        defaults = LadderParams()
        back = {name: getattr(defaults, name) for name, value in changes.items() if value is None}
        common = replace(changed(self._floor.common, given), **back)
        everywhere: dict[Slot, Mapping[str, Any]] = {slot: {} for slot in self._floor.slots.values()}
        self._apply_params(everywhere, by, common=common)
        # A market that has joined meanwhile may have been made from the ladder before.
        self._apply_params({slot: {} for slot in self._floor.slots.values() if slot not in everywhere}, by)

    def _apply_params(
        self, changes: Mapping[Slot, Mapping[str, Any]], by: str, *, common: LadderParams | None = None
    ) -> None:
        """Check everything, then journal all of it at once, or nothing. `common`: a new ladder of all markets.

        No fill of these markets is booked meanwhile: what runs and what starts next have one ladder, after a crash too.
        """
        floor, now_ms = self._floor, self._floor.clock.now_ms()
        with ExitStack() as locks:
            for slot in changes:
                locks.enter_context(slot.book_lock)
            stands_on = common or floor.common
            wanted: list[tuple[Slot, dict[str, Any]]] = []
            records: list[Record] = []
            if stands_on != floor.common:
                records.append(ParamsSet(market=None, values=params_as_text(stands_on), by=by, time_ms=now_ms))
            for slot, given in changes.items():
                own = _own_with(slot, given)
                params = merged_params(stands_on, own)
                self._check_params(slot, params)
                cycle = slot.state.cycle
                if own != slot.state.own_params:
                    texts = {name: _text(value) for name, value in own.items()}
                    records.append(ParamsSet(market=slot.market, values=texts, by=by, time_ms=now_ms))
                if isinstance(cycle, Active):
                    running = (
                        replace(params, start_quote=cycle.params.start_quote, start_balance_pct=ZERO)
                        if (params.start_balance_pct)
                        else params
                    )
                    event = TermsChanged(params=running, rules=cycle.rules)
                    cycle = apply(cycle, event)
                    records.append(CycleChanged(market=slot.market, event=event, after=cycle, time_ms=now_ms))
                wanted.append((slot, {"cycle": cycle, "params": params, "own_params": own}))
            if records:
                floor.journal.write(*records)
            if common is not None:
                floor.common = common
            for slot, values in wanted:
                slot.change(**values)
        for slot in changes:
            floor.publish_cycle(slot)
            self._look_again(slot)

    def _check_params(self, slot: Slot, params: LadderParams) -> None:
        cycle = slot.state.cycle
        if isinstance(cycle, Active):
            if params.drop_reference is not cycle.params.drop_reference:
                raise BadLadder("drop_reference", "can be changed only while no cycle is open")
            return
        quote = self._floor.board.newest(slot.market)
        if quote is not None:
            _, free = self._floor.wallet.free_pair(slot.market)
            resolved = params.resolved(max(free, ZERO), slot.state.rules.qstep)
            base_price = min(quote.ask, params.start_limit) if params.start_limit else quote.ask
            planned(resolved, slot.state.rules, floor_to(base_price, slot.state.rules.tick))

    # -- helpers

    def slot(self, currency: str) -> Slot:
        """The market of a currency. Refused with 404 when it is not traded here."""
        slot = self._floor.slot_of(currency.upper())
        if slot is None:
            raise CommandRefused("unknown_currency", f"{currency[:20]} is not among the available symbols.", status=404)
        return slot

    def _price(self, slot: Slot) -> Decimal:
        quote = self._floor.board.newest(slot.market)
        return quote.bid if quote is not None else ZERO

    def _read_anew(self, slot: Slot) -> None:
        """Read the balance for a command that changes what the books own, whatever reading is there.

        Errors: `CommandRefused` when it cannot be read, or may not show yet what has traded a moment ago.
        """
        require_settled(self._floor, slot)
        try:
            self._reader.read()
        except ExchangeUnavailable as error:
            raise balance_unknown(f"The balance cannot be read now. {error}") from error

    def _reading_now(self, slot: Slot) -> BaseReading:
        """The market's coins by the newest reading, once it is claimed.

        Errors: `CommandRefused` when an order has come in between, or has traded while the balance was read.
        """
        require_settled(self._floor, slot)
        return reading_now(self._floor, slot)

    def _to_adopt(self, slot: Slot, price: Decimal | None, from_trades: bool) -> tuple[Decimal, Decimal]:
        """(coins outside, what they cost) at the price or by the account's trades. Errors: `CommandRefused`."""
        currency, rules = slot.market.base, slot.state.rules
        coins = outside_coins(slot, self._reader.reading_of(slot))
        if coins <= 0 or not rules.sellable(floor_to(coins, rules.lot), price or self._price(slot)):
            raise CommandRefused("nothing_outside", f"No {currency} worth selling lies outside the cycle.")
        if price is None and not from_trades:
            raise CommandRefused("price_missing", "Say at which price, or ask for the account's trades.", field="price")
        return coins, coins * price if price is not None else self._cost_by_trades(slot, coins)

    def _adopted(self, slot: Slot, coins: Decimal, cost: Decimal) -> Adopted:
        params = self._decider.params_now(slot)
        now_ms = self._floor.exchange.now_ms()
        return Adopted(coins=coins, cost=cost, time_ms=now_ms, params=params, rules=slot.state.rules)

    def _cost_by_trades(self, slot: Slot, coins: Decimal) -> Decimal:
        """What the newest buys of that many coins cost, by the account's own trades.

        Buys that are booked in the cycle are its own; what it paid says nothing about the coins outside.
        """
        floor, cycle = self._floor, slot.state.cycle
        orders = [one for row in cycle.bought for one in row.client_ids] if isinstance(cycle, Active) else []
        booked = {fill.trade_id for one in orders for fill in floor.journal.fills_of(one)}
        since_ms = floor.exchange.now_ms() - _TRADES_LOOKED_BACK_MS
        try:
            trades = floor.exchange.own_trades(slot.market, since_ms)
        except ExchangeUnavailable as error:
            raise CommandRefused(
                "trades_unknown", f"The account's trades cannot be read now. {error}", status=503
            ) from error
        left, cost = coins, ZERO
        for fill in reversed(trades):
            if fill.side is not Side.BUY or fill.trade_id in booked or left <= 0:
                continue
            taken = min(left, fill.base_received)
            cost += fill.quote * taken / fill.base_received
            left -= taken
        if left > slot.state.rules.lot:
            raise CommandRefused(
                "trades_do_not_explain",
                f"The trades of 30 days explain only {plain(coins - left)} of {plain(coins)} coins; give a price.",
                field="price",
            )
        return cost

    def _alone(
        self,
        slot: Slot,
        name: str,
        by: str,
        values: Mapping[str, str],
        change: Callable[[int], tuple[list[Record], CycleEvent | None, dict[str, Any]]],
    ) -> None:
        """Claim the market as an order would, journal the change, then replace the state in one assignment."""
        floor = self._floor
        now_ms = floor.clock.now_ms()
        if not slot.claim(name, now_ms):
            raise order_in_flight(slot)
        changes: dict[str, Any] = {}
        # Memory follows before the lock is given back: who waits for it goes by the cycle as it is then.
        with slot.book_lock:
            try:
                records, event, wanted = change(now_ms)
                records.insert(0, CommandGiven(name=name, market=slot.market, values=values, by=by, time_ms=now_ms))
                if event is not None:
                    after = apply(slot.state.cycle, event)
                    records.append(CycleChanged(market=slot.market, event=event, after=after, time_ms=now_ms))
                    wanted = {**wanted, "cycle": after}
                floor.journal.write(*records)
                changes = wanted
            finally:
                slot.release(**changes)
        floor.publish_cycle(slot)
        market_log(slot.market).info(f"command: {name}", by=by, **values)
        self._look_again(slot)

    def _look_again(self, slot: Slot) -> None:
        self._floor.board.mark_due(slot.market)
        self._floor.changed(slot)


def _own_with(slot: Slot, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The market's own ladder values with these changes; None takes one away."""
    own = {**slot.state.own_params, **changes}
    return {name: value for name, value in own.items() if value is not None}


def params_as_text(params: LadderParams) -> dict[str, Any]:
    """All values as JSON: numbers as text, sizes as a list, whole numbers as they are."""
    return {name: _text(getattr(params, name)) for name in LadderParams.__dataclass_fields__}


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, tuple | list):
        return [_text(one) for one in value]
    return value.value if hasattr(value, "value") else value
