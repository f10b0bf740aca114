"""People: whoever presses buttons on the page, and whoever trades at the exchange past the engine."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

from autotrader_v2.application.funds import Limits
from autotrader_v2.application.ports import TradingError
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.trader import AutoTraderV2
from autotrader_v2.domain.cycle import Active, Idle
from autotrader_v2.domain.ladder import BadLadder
from autotrader_v2.domain.limits import OrderLimits
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import floor_to, plain
from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.domain.situation import Reason, SwitchMode
from autotrader_v2.matching.records import OrderRequest, TimeInForce
from autotrader_v2.matching.refused import Refused
from autotrader_v2.simulation.beginnings import order_limits
from autotrader_v2.simulation.faults import Dice
from autotrader_v2.simulation.venue import Venue

_BY = "person"
_AMOUNTS_OFF = {"budget_quote": "0", "start_balance_pct": "0"}
# What is asked for, of which market (None: all), and with which value.
Asks = Callable[[str, Market | None, Any], AbstractContextManager[None]]


class Owner:
    """Presses buttons. Each wish runs on a line of work of its own, as each request of the page does."""

    def __init__(
        self, dice: Dice, markets: Sequence[Market], run: Callable[[Callable[[], None]], None], asks: Asks
    ) -> None:
        """`markets`: all that he may have on his list; `asks`: whoever wants to know what he asks for, until when."""
        self._dice = dice
        self._markets = markets
        self._run = run
        self._asks = asks
        self.wishes = 0

    def turn(self, trader: AutoTraderV2) -> None:
        """Look at the page and maybe press something."""
        slots = trader.get_all_cycles()
        self._care(trader, slots)
        slot = self._dice.rng.choice(slots)
        coin = slot.market.base
        for kind, wish in self._wishes(trader, slot, coin):
            if self._dice.hit(kind):
                self.wish(wish)

    def wish(self, wish: Callable[[], object]) -> None:
        """Ask for something; a refusal is read and forgotten."""

        def ask() -> None:
            try:
                wish()
            except (CommandRefused, TradingError, BadLadder):
                return

        self.wishes += 1
        self._run(ask)

    def look_after(self, trader: AutoTraderV2) -> None:
        """End every pause, switch everything on, give up what is gone, leave what is not ours alone."""
        if trader.floor.wallet.limits != Limits():
            self.wish(lambda: self._set_limits(trader, Limits()))
        if trader.floor.buy_limits.limits != OrderLimits.none():
            self.wish(lambda: self._set_order_limits(trader, OrderLimits.none()))
        if trader.floor.account_pause is not None:
            self.wish(lambda: trader.resume_cycle(None, _BY))
        if trader.floor.global_switch is not SwitchMode.ON:
            self.wish(lambda: trader.switch(None, SwitchMode.ON, _BY))
        if trader.floor.holding.is_set():
            self.wish(trader.start)
        run = trader.sell_everything.run
        if run is not None and not run.ended_ms:
            self.wish(lambda: trader.sell_everything.cancel(_BY))
        for market in self._away(trader):
            self.wish(lambda market=market: self._join(trader, market))  # type: ignore[misc]
        for slot in trader.get_all_cycles():
            coin, pause = slot.market.base, slot.state.pause
            if pause is not None and pause.cause == "coins_missing" and isinstance(slot.state.cycle, Active):
                self.wish(lambda slot=slot: self._give_up(trader, slot))  # type: ignore[misc]
            elif pause is not None:
                self.wish(lambda coin=coin: trader.resume_cycle(coin, _BY))  # type: ignore[misc]
            if slot.state.switch is not SwitchMode.ON:
                self.wish(lambda coin=coin: trader.switch(coin, SwitchMode.ON, _BY))  # type: ignore[misc]
            if slot.state.params.budget_quote or slot.state.params.start_balance_pct:
                # A share of what is paid in for healing is more than its own budget, or than the book of a cheap coin.
                self.wish(lambda slot=slot: self._set_params(trader, slot, _AMOUNTS_OFF))  # type: ignore[misc]
            if slot.hold.reason is Reason.PRICE_LEAPED:
                # It did fall to a third: whoever looks sees that the price is right.
                self.wish(lambda coin=coin: trader.resume_cycle(coin, _BY))  # type: ignore[misc]
            if slot.hold.reason is Reason.HOLDS_COINS:
                self.wish(lambda slot=slot: self._ignore(trader, slot))  # type: ignore[misc]

    def _care(self, trader: AutoTraderV2, slots: list[Slot]) -> None:
        """What keeps the world going: pauses are ended, switches turned on again, coins taken care of."""
        rng = self._dice.rng
        floor = trader.floor
        if floor.account_pause is not None and rng.random() < 0.3:
            self.wish(lambda: trader.resume_cycle(None, _BY))
        if floor.global_switch is not SwitchMode.ON and rng.random() < 0.3:
            self.wish(lambda: trader.switch(None, SwitchMode.ON, _BY))
        if floor.holding.is_set() and rng.random() < 0.3:
            self.wish(trader.start)
        if rng.random() < 0.1 and any(slot.hold.reason is Reason.LIMIT_REACHED for slot in slots):
            if floor.buy_limits.limits != OrderLimits.none():
                self.wish(lambda: self._set_order_limits(trader, OrderLimits.none()))
            if floor.wallet.limits != Limits():
                self.wish(lambda: self._set_limits(trader, Limits()))
        for market in self._away(trader):
            if rng.random() < 0.15:
                self.wish(lambda market=market: self._join(trader, market))  # type: ignore[misc]
        for slot in slots:
            coin = slot.market.base
            if slot.state.pause is not None and rng.random() < 0.3:
                if slot.state.pause.cause == "coins_missing" and rng.random() < 0.5:
                    self.wish(lambda slot=slot: self._give_up(trader, slot))  # type: ignore[misc]
                else:
                    self.wish(lambda coin=coin: trader.resume_cycle(coin, _BY))  # type: ignore[misc]
            if slot.state.switch is not SwitchMode.ON and rng.random() < 0.3:
                self.wish(lambda coin=coin: trader.switch(coin, SwitchMode.ON, _BY))  # type: ignore[misc]
            if slot.hold.reason is Reason.HOLDS_COINS and rng.random() < 0.3:
                self.wish(lambda slot=slot: self._ignore(trader, slot))  # type: ignore[misc]

    def _wishes(self, trader: AutoTraderV2, slot: Slot, coin: str) -> list[tuple[str, Callable[[], object]]]:
        rng = self._dice.rng
        modes = tuple(SwitchMode)
        amount = Decimal(5 + int(rng.random() * 40))
        price = slot.state.cycle.bought[0].price if isinstance(slot.state.cycle, Active) else None
        return [
            ("person_switch", lambda: trader.switch(coin, rng.choice(modes), _BY)),
            ("person_global", lambda: trader.switch(None, rng.choice(modes), _BY)),
            ("person_hold", trader.hold),
            ("person_exit", lambda: self._exit(trader, slot, rng.random() < 0.8)),
            ("person_reset", lambda: self._reset(trader, slot)),
            ("person_write_off", lambda: self._write_off(trader, slot)),
            ("person_adopt", lambda: self._adopt(trader, slot, price)),
            ("person_ignore", lambda: self._ignore(trader, slot)),
            ("person_quick_buy", lambda: trader.buy(coin, amount, _BY)),
            ("person_sell_all", lambda: trader.sell_all(coin, rng.choice(("pause", "restart")), _BY)),
            ("person_params", lambda: self._set_params(trader, slot, self._params())),
            ("person_limits", lambda: self._set_limits(trader, self._limits())),
            ("person_order_limits", lambda: self._set_order_limits(trader, self._order_limits())),
            ("person_common", lambda: self._set_common(trader, self._common())),
            ("person_sell_everything", lambda: trader.sell_everything.begin(_BY)),
            ("person_enough", lambda: trader.sell_everything.cancel(_BY)),
            ("person_leave", lambda: self._leave(trader)),
            ("person_primary", lambda: trader.market_list.set_primary(coin, _BY)),
        ]

    def _away(self, trader: AutoTraderV2) -> list[Market]:
        return [market for market in self._markets if market not in trader.floor.slots]

    def _join(self, trader: AutoTraderV2, market: Market) -> None:
        with self._asks("join", market, None):
            trader.market_list.add(market.base, _BY)

    def _leave(self, trader: AutoTraderV2) -> None:
        """A coin leaves the list: mostly one that waits for a start, any other is refused."""
        slots, rng = trader.get_all_cycles(), self._dice.rng
        idle = [slot for slot in slots if isinstance(slot.state.cycle, Idle)]
        market = rng.choice(idle if idle and rng.random() < 0.8 else slots).market
        with self._asks("leave", market, None):
            trader.market_list.remove(market.base, _BY)

    def _set_params(self, trader: AutoTraderV2, slot: Slot, changes: Mapping[str, str]) -> None:
        with self._asks("params", slot.market, changes):
            trader.commands.set_params(slot.market.base, changes, _BY)

    def _set_common(self, trader: AutoTraderV2, changes: Mapping[str, str]) -> None:
        with self._asks("params", None, changes):
            trader.commands.set_params(None, changes, _BY)

    def _exit(self, trader: AutoTraderV2, slot: Slot, wanted: bool) -> None:
        with self._asks("exit", slot.market, wanted):
            trader.commands.exit_at_breakeven(slot.market.base, wanted, _BY)

    def _reset(self, trader: AutoTraderV2, slot: Slot) -> None:
        with self._asks("reset", slot.market, None):
            trader.reset_cycle(slot.market.base, _BY)

    def _write_off(self, trader: AutoTraderV2, slot: Slot) -> None:
        with self._asks("write_off", slot.market, None):
            trader.commands.write_off(slot.market.base, _BY)

    def _give_up(self, trader: AutoTraderV2, slot: Slot) -> None:
        """Coins are said to be missing: they are written off, or there after all."""
        try:
            self._write_off(trader, slot)
        except CommandRefused:
            trader.resume_cycle(slot.market.base, _BY)

    def _adopt(self, trader: AutoTraderV2, slot: Slot, price: Decimal | None) -> None:
        with self._asks("adopt", slot.market, price):
            trader.adopt(slot.market.base, price=price, from_trades=price is None, by=_BY)

    def _ignore(self, trader: AutoTraderV2, slot: Slot) -> None:
        with self._asks("ignore", slot.market, None):
            trader.commands.ignore_coins(slot.market.base, _BY)

    def _set_limits(self, trader: AutoTraderV2, limits: Limits) -> None:
        value = {"total_budget": plain(limits.total_budget), "max_active_cycles": limits.max_active_cycles}
        with self._asks("limits", None, value):
            trader.commands.set_limits(limits.total_budget, limits.max_active_cycles, _BY)

    def _set_order_limits(self, trader: AutoTraderV2, limits: OrderLimits) -> None:
        with self._asks("order_limits", None, limits.as_text()):
            trader.commands.set_order_limits(limits.as_text(), _BY)

    def _params(self) -> dict[str, str]:
        """A change of ladder values that may or may not be accepted."""
        rng = self._dice.rng
        name, values = rng.choice(
            (
                ("profit_pct", ("0.3", "0.8", "2")),
                ("profit_decay_pct", ("0", "0.1")),
                ("steps", ("1", "2", "3", "5")),
                ("drop_step_pct", ("1", "1.5", "3")),
                ("size_multiplier", ("1", "1.4", "2")),
                ("size_mode", ("fixed", "geometric", "martingale")),
                ("budget_quote", ("0", "60")),
                ("rebuy_pause_s", ("0", "1", "5")),
                ("order_style", ("market", "capped")),
                ("stop_loss_pct", ("0", "2", "5")),
                ("reserve", ("none", "next_step", "ladder")),
                ("cooldown_s", ("0", "3")),
            )
        )
        return {name: rng.choice(values)}

    def _common(self) -> dict[str, str]:
        """A change of the ladder of all markets: of values that few of them have chosen themselves."""
        rng = self._dice.rng
        name, values = rng.choice(
            (
                ("profit_decay_pct", ("0", "0.02", "0.1")),
                ("drop_step_pct", ("1", "1.5", "3")),
                ("drop_growth_pct", ("0", "0.3", "1")),
                ("min_profit_pct", ("0.2", "0.3")),
                ("reserve", ("none", "next_step", "ladder")),
                ("cooldown_s", ("0", "3")),
            )
        )
        return {name: rng.choice(values)}

    def _limits(self) -> Limits:
        rng = self._dice.rng
        return Limits(Decimal(rng.choice((0, 60, 150, 500))), rng.choice((0, 0, 1, 2)))

    def _order_limits(self) -> OrderLimits:
        return OrderLimits.none().changed(order_limits(self._dice.rng))


class Hands:
    """Trades at the exchange as the account's owner, pays in and takes out."""

    def __init__(self, dice: Dice, venue: Venue) -> None:
        self._dice = dice
        self._venue = venue

    def turn(self, market: Market) -> None:
        """Maybe do something with a coin."""
        dice = self._dice
        if dice.hit("hand_sell"):
            self.trade(market, Side.SELL, dice.rng.choice((0.2, 0.7, 1.0)))
        if dice.hit("hand_buy"):
            self.trade(market, Side.BUY, 1.0)
        if dice.hit("hand_deposit"):
            self._venue.core.deposit(self._venue.account, "USDT", Decimal(50))
        if dice.hit("hand_withdraw"):
            self._withdraw("USDT", 0.3)
        if dice.hit("hand_withdraw_coins"):
            self._withdraw(market.base, dice.rng.choice((0.5, 1.0)))
        if dice.hit("hand_lock"):
            self._lock(market)

    def trade(self, market: Market, side: Side, share: float) -> None:
        """Trade by hand at market; refusals are his problem."""
        venue = self._venue
        venue.catch_up(market)
        rules = venue.core.pits[market.pair].rules
        if side is Side.SELL:
            amount = floor_to(venue.account.available(market.base) * Decimal(str(share)), rules.lot)
        else:
            amount = Decimal(12)
        if amount <= 0:
            return
        request = OrderRequest(
            pair=market.pair, side=side, type=OrderType.MARKET, amount=amount, time_in_force=TimeInForce.IOC
        )
        try:
            venue.core.place(venue.account, request)
        except Refused:
            return

    def _withdraw(self, currency: str, share: float) -> None:
        account = self._venue.account
        amount = (account.available(currency) * Decimal(str(share))).quantize(Decimal("1e-8"))
        if 0 < amount <= account.available(currency):
            self._venue.core.withdraw(account, currency, amount)
            self._venue.witness.withdrawn(currency, amount)

    def _lock(self, market: Market) -> None:
        """Put coins into an order of his own far above the price, or cancel all of them."""
        venue = self._venue
        if venue.account.open:
            venue.core.cancel_all(venue.account)
            return
        rules = venue.core.pits[market.pair].rules
        quote = venue.newest.get(market)
        amount = floor_to(venue.account.available(market.base) / 2, rules.lot)
        if quote is None or amount <= 0:
            return
        request = OrderRequest(
            pair=market.pair,
            side=Side.SELL,
            type=OrderType.LIMIT,
            amount=amount,
            price=floor_to(quote.ask * 50, rules.tick),
        )
        try:
            venue.core.place(venue.account, request)
        except Refused:
            return
