"""What page, API and later Telegram see and ask for. Reads frozen values without a lock; wishes go to the commands."""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from autotrader_v2.application.chart import Charts
from autotrader_v2.application.coin_views import CoinViews
from autotrader_v2.application.commands import params_as_text
from autotrader_v2.application.door import Door
from autotrader_v2.application.events import CommandGiven, News
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.halts import halts_of
from autotrader_v2.application.lab import Lab
from autotrader_v2.application.order_book import BookShelf
from autotrader_v2.application.paper_reset import PaperReset
from autotrader_v2.application.ports import Binding, CandleSource, CredentialStore, RateUse
from autotrader_v2.application.quick_trade import Done
from autotrader_v2.application.reconcile_view import report_view, told_at_console
from autotrader_v2.application.refusals import CommandRefused, still_starting
from autotrader_v2.application.reports import Reports
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.surroundings import Surroundings
from autotrader_v2.application.symbols import status_view, symbols_view
from autotrader_v2.application.trader import VERSION, AutoTraderV2
from autotrader_v2.application.views import (
    money_view,
    preview_view,
    stats_view,
    table_view,
    truth_view,
    worst_case_view,
)
from autotrader_v2.domain.ladder import BadLadder
from autotrader_v2.domain.market import BadSymbol, Market, parse_symbol
from autotrader_v2.domain.money import ZERO, plain, reported
from autotrader_v2.domain.situation import SwitchMode

_DAY_MS = 86_400_000
_RESULTS_KEPT_S = 2.0
_RECONCILE_WAIT_S = 20.0

__all__ = ["CommandRefused", "Desk"]


# Sums over all coins, for who looks at some of them.
_MONEY_EVERY_MS = 500


class Glance(NamedTuple):
    """`coins` are shared: one that has not changed is the object of before. `ages_ms`: since a price was confirmed."""

    head: dict[str, Any]
    coins: Sequence[Mapping[str, Any]]
    ages_ms: Mapping[str, int | None]


class Desk:
    """Thread-safe. Until `attach` everything that needs the engine answers 503 `starting`."""

    def __init__(
        self, binding: Binding, *, stop: Callable[[], None], available: Sequence[Market], primary: Market
    ) -> None:
        self._binding = binding
        self._stop = stop
        self._available = tuple(available)
        self._primary = primary
        self._trader: AutoTraderV2 | None = None
        self._listeners: list[Callable[[News], None]] = []
        self._seq = 0
        self._seq_lock = threading.Lock()
        self._today: tuple[float, dict[str, Decimal]] = (float("-inf"), {})
        self._commit_ms = 0.0
        self._coin_views: CoinViews | None = None
        self._money: dict[str, Any] | None = None
        self._money_ms = 0
        self._charts: Charts | None = None
        self.door = Door(real_money=binding.mode == "live")
        self.first_start = False
        self._books: BookShelf | None = None
        # Whether the machine is kept from falling asleep: held, unavailable, off.
        self.awake: Callable[[], str] = lambda: "off"
        # The program around the engine; a test of the engine alone has none.
        self.surroundings: Surroundings | None = None
        self.rate_use: Callable[[], Sequence[RateUse]] = tuple
        # Begins the paper account anew; a real one has none.
        self.paper_reset: PaperReset | None = None
        # Backtests beside the engine.
        self.lab_room: Lab | None = None
        # Channels to the person that alerts do not get through.
        self.unheard: Callable[[], Sequence[str]] = tuple

    def attach(
        self,
        trader: AutoTraderV2,
        binding: Binding,
        *,
        primary: Market,
        first_start: bool,
        candles: CandleSource | None = None,
        credentials: CredentialStore | None = None,
    ) -> None:
        """The engine is there now. `first_start`: settings came from flags, environment and file, not the database.

        `candles`: where charts come from; without one they show fills and levels only. `credentials`: where tokens and
        the password are kept.
        """
        self._coin_views = CoinViews(trader.floor)
        self._charts = Charts(trader.floor, candles)
        self.door.attach(trader, credentials)
        self._binding = binding
        self._primary = primary
        self.first_start = first_start
        trader.floor.bus.listen(self._hear)
        self._trader = trader

    def listen(self, listener: Callable[[News], None]) -> None:
        """Hear news, on the bus's thread."""
        self._listeners = [*self._listeners, listener]

    def _hear(self, news: News) -> None:
        with self._seq_lock:
            self._seq += 1
        for listener in self._listeners:
            listener(news)

    # -- reading

    def overview(self) -> dict[str, Any]:
        """Everything the page's first screen shows."""
        head, coins, ages_ms = self.glance()
        return {**head, "coins": [{**coin, "price_age_ms": ages_ms[coin["currency"]]} for coin in coins]}

    def moves(self) -> int:
        """Rises whenever a price may be another one: whether a glance is worth its while."""
        return self._trader.floor.board.accepted if self._trader else 0

    def glance(self, only: Collection[str] | None = None) -> Glance:
        """The overview for who looks often. `only`: coins of these currencies, ages of all, money as it was."""
        trader, views = self._trader, self._coin_views
        head: dict[str, Any] = {
            "seq": self._seq,
            "version": VERSION,
            "mode": self._binding.mode,
            "host": self._binding.host,
            "account": self._binding.account,
            "settings_source": "first start" if self.first_start else "database",
            "awake": self.awake(),
            "unheard": list(self.unheard()),
        }
        if trader is None or views is None:
            head |= {"time_ms": time.time_ns() // 1_000_000, "phase": "starting", "running": False}
            return Glance(head, (), {})
        floor = trader.floor
        today = self._results_today()
        slots = trader.get_all_cycles()
        selling = trader.sell_everything.run
        now_ms = floor.clock.now_ms()
        coins, ages_ms = [], {}
        for slot in slots:
            quote, name = floor.board.newest(slot.market), slot.market.base
            if only is None or name in only:
                coins.append(views.view(slot, quote, today.get(slot.market.pair, ZERO)))
            ages_ms[name] = now_ms - quote.confirmed_ms if quote else None
        if only is None or self._money is None or not 0 <= now_ms - self._money_ms < _MONEY_EVERY_MS:
            views.forget_others(slots)
            self._money, self._money_ms = money_view(floor, slots, today, views.if_sold), now_ms
        head |= {
            "time_ms": now_ms,
            "phase": trader.phase,
            "running": trader.running,
            "auto_trade_enabled": floor.global_switch is SwitchMode.ON,
            "global_switch": floor.global_switch.value,
            "account_pause": _pause_view(floor),
            "feed": self._feed_view(trader),
            "truth": truth_view(trader),
            "money": self._money,
            "selling": selling.as_json() if selling else None,
            "missing_symbols": [market.pair for market in trader.missing],
        }
        return Glance(head, coins, ages_ms)

    def health(self) -> dict[str, Any]:
        """How each part of the engine is; codes with values."""
        trader = self._trader
        if trader is None:
            return {
                "time_ms": time.time_ns() // 1_000_000,
                "phase": "starting",
                "ok": True,
                "stuck": False,
                "parts": [],
            }
        health = trader.health()
        return {
            "time_ms": health.time_ms,
            "phase": health.phase,
            "ok": health.ok,
            "stuck": health.stuck,
            "markets_on": health.markets_on,
            "open_orders": health.open_orders,
            "parts": [
                {
                    "name": part.name,
                    "ok": part.ok,
                    "code": part.code,
                    "values": dict(part.values),
                    "since_ms": part.since_ms or None,
                }
                for part in health.parts
            ],
        }

    def alerts(self) -> Sequence[Mapping[str, Any]]:
        """What the person was told lately, newest first; `times`: how often it came. Also while the engine starts."""
        return [
            {
                "code": told.alert.code,
                "priority": told.alert.priority.value,
                "currency": told.alert.market.base if told.alert.market else None,
                "values": dict(told.alert.values or {}),
                "time_ms": told.alert.time_ms,
                "last_ms": told.last_ms,
                "times": told.times,
            }
            for told in self._attached().floor.alerts.recent()
        ]

    def coin(self, currency: str) -> dict[str, Any]:
        """One coin's row. Errors: `CommandRefused` 404."""
        slot = self._slot(currency)
        floor, views = self._engine().floor, self._coin_views
        assert views is not None  # noqa: S101  (there is a slot, so there is an engine)
        quote = floor.board.newest(slot.market)
        view = views.view(slot, quote, self._results_today().get(slot.market.pair, ZERO))
        return {**view, "price_age_ms": floor.clock.now_ms() - quote.confirmed_ms if quote else None}

    def stats(self, currency: str | None) -> dict[str, Any]:
        """The v2 statistics of one currency or of all (row A7)."""
        if self._starting and currency is None:
            head = {"success": True, "running": False, "version": VERSION, "auto_trade_enabled": False}
            return {**head, "mode": self._binding.mode, "cycles": {}}
        trader = self._engine()
        slots = [self._slot(currency)] if currency else trader.get_all_cycles()
        floor = trader.floor
        return {
            "success": True,
            "running": trader.running,
            "version": VERSION,
            "auto_trade_enabled": floor.global_switch is SwitchMode.ON,
            "mode": self._binding.mode,
            "cycles": {slot.market.base: stats_view(floor, slot) for slot in slots},
        }

    def table(self, currency: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The breakeven table the engine acts on; with changes: as it would be, or the `error` that forbids them."""
        trader, slot = self._engine(), self._slot(currency)
        try:
            params = trader.commands.preview_params(slot, changes) if changes else None
        except BadLadder as error:
            refused = {"field": error.field, "message": error.reason}
            return {**table_view(trader.floor, slot), "rows": [], "error": refused}
        return table_view(trader.floor, slot, params)

    def params(self, currency: str | None) -> dict[str, Any]:
        """Ladder parameters: common, a market's own, and what they make together."""
        floor = self._engine().floor
        common = params_as_text(floor.common)
        if currency is None:
            return {"common": common, "own": {}, "effective": common}
        state = self._slot(currency).state
        return {"common": common, "own": dict(state.own_params), "effective": params_as_text(state.params)}

    def limits(self) -> dict[str, Any]:
        """What all markets together may do; 0 means no limit."""
        limits = self._engine().floor.wallet.limits
        return {"total_budget": plain(limits.total_budget), "max_active_cycles": limits.max_active_cycles}

    def order_limits(self) -> dict[str, Any]:
        """What buys may do at most, and what that is when nobody has set it; 0 is off."""
        floor = self._engine().floor
        return {"limits": floor.buy_limits.limits.as_text(), "defaults": floor.config.order_limits.as_text()}

    def halts(self) -> dict[str, Any]:
        """Everything that stands still although it should trade, with its money at stake and its ways out."""
        trader = self._trader
        if trader is None:
            return {"halts": []}
        return {"halts": [halt.as_json() for halt in halts_of(trader)]}

    def before_switch(self, currency: str) -> dict[str, Any]:
        """What switching a coin on means in money."""
        trader, slot = self._engine(), self._slot(currency)
        return worst_case_view(trader.floor, slot, trader.get_all_cycles())

    def quick_preview(self, currency: str, quote_amount: Decimal | None) -> dict[str, Any]:
        """What a Quick Trade buy, and selling all, would do now."""
        return preview_view(self._engine().floor, self._slot(currency), quote_amount)

    def chart(self, symbol: str, interval: str, limit: int) -> dict[str, Any]:
        """Candles of a coin with its fills and its price levels. Errors: `CommandRefused`."""
        slot, charts = self._slot(symbol), self._charts
        assert charts is not None  # noqa: S101  (there is a slot, so there is an engine)
        return charts.view(slot, interval, limit)

    def order_book(self, currency: str) -> dict[str, Any]:
        """The order book now, at most a second old. Errors: `CommandRefused` 503."""
        slot = self._slot(currency)
        if self._books is None:
            self._books = BookShelf(self._engine().floor)
        return self._books.view(slot)

    @property
    def lab(self) -> Lab:
        """Backtests. Errors: `CommandRefused` 404 for an engine without the program around it."""
        if self.lab_room is None:
            raise CommandRefused("not_here", "This engine runs without the program around it.", status=404)
        return self.lab_room

    def lab_history(self, currency: str, *, ask: bool) -> Mapping[str, Any]:
        """What a coin's ladder, as it is set now, did on its recorded candles. `ask`: find out what is unknown."""
        slot = self._slot(currency)
        return self.lab.history(slot.market.pair, params_as_text(slot.state.params), ask=ask)

    def presets(self) -> dict[str, Any]:
        """Ladders kept under a name."""
        return {"presets": self._engine().presets.all()}

    def cycle_history(self, currency: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """Closed cycles, newest first."""
        market = self._market(currency)
        assert market is not None  # noqa: S101  (a currency was given)
        return self._engine().floor.journal.cycle_history(market, limit)

    def orders(self, currency: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """The newest order attempts."""
        return self._engine().floor.journal.orders(self._market(currency), limit)

    def reconciliation(self) -> dict[str, Any] | None:
        """The newest comparison of the account with the books; None before the first."""
        return report_view(self._engine().reconciler.report)

    def compared(self, *, anew: bool) -> dict[str, Any]:
        """For the console: the report with its age and the orders of unknown outcome; `anew`: compare first.

        Errors: `CommandRefused` (503).
        """
        trader = self._engine()
        report = trader.reconciler.ask(_RECONCILE_WAIT_S) if anew else trader.reconciler.report
        return told_at_console(report, trader.get_all_cycles(), trader.floor.clock.now_ms())

    def reconcile_now(self) -> dict[str, Any] | None:
        """Compare now and wait for it. Errors: `CommandRefused` (503) when it does not come within 20 s."""
        return report_view(self._engine().reconciler.ask(_RECONCILE_WAIT_S))

    @property
    def reports(self) -> Reports:
        """The dashboard and the long tables."""
        return Reports(self._engine(), self._base)

    def symbols(self) -> dict[str, Any]:
        """Available, active (not off) and primary symbols."""
        trader = self._trader
        slots = list(trader.floor.slots.values()) if trader else []
        return {
            "available": [slot.market.pair for slot in slots] or [market.pair for market in self._available],
            "active": [slot.market.pair for slot in slots if slot.state.switch is not SwitchMode.OFF],
            "primary": self._now_primary.pair,
        }

    def symbols_list(self) -> dict[str, Any]:
        """Every market of the list with its rules, and what keeps it on the list."""
        return {"symbols": symbols_view(self._engine()), "primary": self._now_primary.pair}

    def status_all(self, currency: str | None = None) -> dict[str, Any]:
        """The engine and the worker of every market, or of one."""
        market = self._slot(currency).market if currency else None
        return status_view(self._engine(), self._results_today(), market)

    def pnl_today(self, currency: str | None) -> dict[str, Any]:
        """Realised since midnight UTC, of one coin or of all. Units: quote currency."""
        market = self._market(currency)
        self._engine()
        today = self._results_today()
        pairs = today.items() if market is None else [(market.pair, today.get(market.pair, ZERO))]
        return {
            "quote": self._primary.quote,
            "realised": plain(sum((one for _, one in pairs), ZERO)),
            "symbols": {pair: plain(one) for pair, one in pairs},
        }

    def system(self) -> dict[str, Any]:
        """Versions, files, feed, rate limits."""
        trader, around = self._trader, self._around()
        return {
            **around.facts(),
            "engine": VERSION,
            "feed": self._feed_view(trader) if trader else None,
            "rates": [
                {
                    "group": one.group,
                    "used": round(one.used, 1),
                    "burst": one.burst,
                    "per_s": one.per_s,
                    "kept": one.kept,
                    "closed_s": round(one.closed_s, 1),
                }
                for one in self.rate_use()
            ],
        }

    def log_lines(self, currency: str | None, level: str, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """The newest log lines, oldest first."""
        base = self._base(currency)
        return self._around().lines.newest(currency=base, level=level, after=after, limit=limit)

    def start_settings(self) -> Mapping[str, Any]:
        """What a start reads from its file, environment and flags."""
        return self._around().settings()

    def change_start_setting(self, name: str, value: str | None, by: str) -> Mapping[str, Any]:
        """Change one for the next start; journalled by name, never with its value."""
        floor = self._engine().floor
        answer = self._around().change_setting(name, value)
        values = {"name": name, "set": str(value is not None)}
        now_ms = floor.clock.now_ms()
        floor.journal.write(CommandGiven(name="start_setting", market=None, values=values, by=by, time_ms=now_ms))
        return answer

    def backups(self) -> Sequence[Mapping[str, Any]]:
        """Verified copies of the journal, newest first."""
        return self._around().backups()

    def back_up(self) -> Mapping[str, Any]:
        """Make a copy of the journal now; waits for it."""
        return self._around().back_up()

    # -- wishes

    def set_active(self, symbols: Sequence[str], by: str) -> dict[str, Any]:
        """Exactly these coins are on. Another one goes off, or finishes when its cycle is open.

        Errors: `CommandRefused` for a coin that is not on the list; then nothing has changed.
        """
        wanted = {self._slot(symbol).market for symbol in symbols}
        trader = self._engine()
        for slot in trader.get_all_cycles():
            now, base = slot.state.switch, slot.market.base
            if slot.market in wanted and now is not SwitchMode.ON:
                trader.switch(base, SwitchMode.ON, by)
            elif slot.market not in wanted and now is SwitchMode.ON:
                # Whoever has switched it off in the same moment does not want it to sell.
                trader.switch(base, SwitchMode.FINISH, by, only_from=SwitchMode.ON)
        return self.symbols()

    def add_symbol(self, symbol: str, by: str) -> dict[str, Any]:
        """A coin joins the list, switched off. Reads its rules. Errors: `CommandRefused`."""
        base = self._base(symbol)
        assert base is not None  # noqa: S101  (a symbol was given)
        slot = self._engine().market_list.add(base, by)
        return {"symbol": slot.market.pair}

    def remove_symbol(self, symbol: str, by: str) -> None:
        """A coin leaves the list. Errors: `CommandRefused`, with the way out of an open cycle."""
        base = self._base(symbol)
        assert base is not None  # noqa: S101  (a symbol was given)
        self._engine().market_list.remove(base, by)

    def set_primary(self, symbol: str, by: str) -> None:
        """The coin that the page opens with. Errors: `CommandRefused`."""
        base = self._base(symbol)
        assert base is not None  # noqa: S101  (a symbol was given)
        self._engine().market_list.set_primary(base, by)

    def start(self, by: str) -> None:
        """Decide on prices again."""
        self._engine().start()

    def stop(self, by: str) -> None:
        """Stop deciding; what is in flight finishes."""
        self._engine().hold()

    def request_stop(self) -> None:
        """Ask the whole program to end."""
        self._stop()

    def switch(self, currency: str | None, mode: str, by: str) -> None:
        """Set a market's or (None) the global switch."""
        try:
            wanted = SwitchMode(mode)
        except ValueError:
            known = ", ".join(one.value for one in SwitchMode)
            raise CommandRefused(
                "bad_mode", f"{mode[:20]!r} is not one of {known}.", status=400, field="mode"
            ) from None
        self._engine().switch(self._base(currency), wanted, by)

    def reset_cycle(self, currency: str, by: str) -> None:
        """Forget the cycle without selling."""
        self._engine().reset_cycle(self._slot(currency).market.base, by)

    def resume_cycle(self, currency: str | None, by: str) -> None:
        """End a pause."""
        self._engine().resume_cycle(self._base(currency), by)

    def adopt(self, currency: str, *, price: Decimal | None, from_trades: bool, by: str) -> None:
        """Hand coins outside to the cycle."""
        base = self._slot(currency).market.base
        self._engine().adopt(base, price=price, from_trades=from_trades, by=by)

    def ignore_coins(self, currency: str, by: str) -> None:
        """Leave coins outside alone."""
        self._engine().commands.ignore_coins(self._slot(currency).market.base, by)

    def write_off(self, currency: str, by: str) -> None:
        """The cycle's coins are gone for nothing."""
        self._engine().commands.write_off(self._slot(currency).market.base, by)

    def set_params(self, currency: str | None, changes: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Change ladder parameters; None returns a field to the common value. Errors: `CommandRefused` 400."""
        try:
            self._engine().commands.set_params(self._base(currency), changes, by)
        except BadLadder as error:
            raise CommandRefused("bad_ladder", error.reason, status=400, field=error.field) from error
        return self.params(currency)

    def save_preset(self, name: str, values: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Keep a ladder under a name. Errors: `CommandRefused` 400."""
        try:
            self._engine().presets.save(name, values, by)
        except BadLadder as error:
            raise CommandRefused("bad_ladder", error.reason, status=400, field=error.field) from error
        return self.presets()

    def delete_preset(self, name: str, by: str) -> dict[str, Any]:
        """Forget a kept ladder. Errors: `CommandRefused` 404."""
        self._engine().presets.delete(name, by)
        return self.presets()

    def adoption(self, currency: str, *, price: Decimal | None, from_trades: bool) -> dict[str, Any]:
        """What `adopt` would do, without doing it. Errors: as `adopt`."""
        slot = self._slot(currency)
        return self._engine().commands.adoption(slot.market.base, price=price, from_trades=from_trades)

    def exit_at_breakeven(self, currency: str, wanted: bool, by: str) -> None:
        """Sell everything at breakeven, or (False) at the take-profit again."""
        self._engine().commands.exit_at_breakeven(self._slot(currency).market.base, wanted, by)

    def set_limits(self, total_budget: Decimal | None, max_active_cycles: int | None, by: str) -> dict[str, Any]:
        """Set limits of all markets together; None leaves one as it is, 0 means none. Errors: `CommandRefused` 400."""
        self._engine().commands.set_limits(total_budget, max_active_cycles, by)
        return self.limits()

    def set_order_limits(self, changes: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Change limits of buys; only what is named changes, 0 turns one off. Errors: `CommandRefused` 400."""
        self._engine().commands.set_order_limits(changes, by)
        return self.order_limits()

    def quick_buy(
        self, currency: str, quote_amount: Decimal | None, by: str, shown_price: Decimal | None = None
    ) -> dict[str, Any]:
        """Buy now; waits at most 10 s for the answer. `shown_price`: the ask that was decided on."""
        base = self._slot(currency).market.base
        return _done_view(self._engine().buy(base, quote_amount, by, shown_price=shown_price))

    def sell_all(self, currency: str, then: str, by: str) -> dict[str, Any]:
        """Sell everything now; waits at most 10 s for the answer."""
        if then not in ("pause", "restart"):
            raise CommandRefused("bad_then", "then is `pause` or `restart`.", status=400, field="then")
        return _done_view(self._engine().sell_all(self._slot(currency).market.base, then, by))

    def sell_everything(self, by: str) -> dict[str, Any]:
        """Stop buys and sell every open cycle; answers at once with the run, which `selling` then tells of."""
        return {"selling": self._engine().sell_everything.begin(by).as_json()}

    def stop_selling(self, by: str) -> dict[str, Any]:
        """Sell no further coin; what is on its way finishes."""
        self._engine().sell_everything.cancel(by)
        return self.selling()

    def selling(self) -> dict[str, Any]:
        """The newest wish to sell everything, as far as it has come."""
        run = self._engine().sell_everything.run
        return {"selling": run.as_json() if run else None}

    def paper_account(self) -> dict[str, Any]:
        """What the paper account begins with. Errors: `CommandRefused` 404 for a real account."""
        start = self._paper_reset().start
        return {"start": {name: plain(amount) for name, amount in start.items()}}

    def reset_paper(self, by: str) -> dict[str, Any]:
        """Begin the paper account anew: starting money back, open cycles forgotten, history kept."""
        self._engine()
        self._paper_reset().reset(by)
        return self.paper_account()

    def _paper_reset(self) -> PaperReset:
        if self.paper_reset is None:
            raise CommandRefused("not_paper", "Only a paper account can be begun anew.", status=404)
        return self.paper_reset

    def idempotent(self, key: str, request_hash: str) -> Mapping[str, Any] | None:
        """The stored answer of a request key. Errors: `JournalRefused` for another request under the same key."""
        return self._engine().floor.journal.idempotent(key, request_hash)

    def remember(self, key: str, request_hash: str, answer: Mapping[str, Any]) -> None:
        """Store the answer of a request key."""
        self._engine().floor.journal.remember(key, request_hash, answer)

    # -- helpers

    def _around(self) -> Surroundings:
        if self.surroundings is None:
            raise CommandRefused("not_here", "This engine runs without the program around it.", status=404)
        return self.surroundings

    @property
    def _starting(self) -> bool:
        return self._trader is None or self._trader.phase in ("new", "starting")

    def _attached(self) -> AutoTraderV2:
        """The engine as soon as its journal is read, for who only reads."""
        if self._trader is None:
            raise still_starting()
        return self._trader

    def _engine(self) -> AutoTraderV2:
        trader = self._attached()
        if self._starting:
            raise still_starting()
        return trader

    def _slot(self, currency: str) -> Slot:
        base = self._base(currency)
        if base is None:
            raise CommandRefused("currency_missing", "Name a currency.", status=400, field="base_currency")
        return self._engine().commands.slot(base)

    @property
    def _now_primary(self) -> Market:
        return (self._trader.market_list.primary if self._trader else None) or self._primary

    def _market(self, currency: str | None) -> Market | None:
        """Of a coin that is traded, or was: its history stays. Errors: `CommandRefused`."""
        base = self._base(currency)
        if base is None:
            return None
        left = self._engine().market_list.left(base)
        return left or self._slot(base).market

    def _base(self, currency: str | None) -> str | None:
        """BTC from any spelling."""
        if currency is None:
            return None
        home = self._primary.quote
        try:
            base, quote = parse_symbol(currency, home)
        except BadSymbol as error:
            raise CommandRefused("bad_symbol", str(error), status=400, field="base_currency") from error
        if quote != home:
            raise CommandRefused("unknown_currency", f"Only {home} markets are traded here.", status=404)
        return base

    def _results_today(self) -> dict[str, Decimal]:
        """Results since midnight UTC by symbol; asked from the journal at most every two seconds."""
        floor = self._engine_floor()
        if floor is None:
            return {}
        read_s, results = self._today
        now_s = time.monotonic()
        if now_s - read_s < _RESULTS_KEPT_S:
            return results
        now_ms = floor.clock.now_ms()
        fresh: dict[str, Decimal] = {}
        for row in floor.journal.results(None, now_ms - now_ms % _DAY_MS):
            fresh[row["symbol"]] = fresh.get(row["symbol"], Decimal(0)) + Decimal(row["result"])
        self._today = (now_s, fresh)
        return fresh

    def _engine_floor(self) -> Floor | None:
        return self._trader.floor if self._trader else None

    @staticmethod
    def _feed_view(trader: AutoTraderV2) -> dict[str, Any]:
        status = trader.feed.status()
        age = trader.floor.clock.now_ms() - status.last_message_ms if status.last_message_ms else None
        return {"family": status.family, "detail": status.detail, "connected": status.connected, "age_ms": age}


def _done_view(done: Done) -> dict[str, Any]:
    return {
        "client_id": done.client_id,
        "outcome": done.outcome,
        "base": plain(done.base),
        "quote": plain(done.quote),
        "average": plain(reported(done.quote / done.base)) if done.base else None,
        "message": done.message,
    }


def _pause_view(floor: Floor) -> dict[str, Any] | None:
    pause = floor.account_pause
    if pause is None:
        return None
    return {"cause": pause.cause, "since_ms": pause.since_ms, "values": dict(pause.values)}
