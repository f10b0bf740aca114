"""What the dashboard and the tables show of the past. Figures are exact text; nothing here is decided on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from autotrader_v2.application.archive import Rows, Which
from autotrader_v2.application.bookkeeper import sample_of
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.application.results import QUARTER_MS, CoinResults, Moved, Sums, Walk
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.trader import AutoTraderV2
from autotrader_v2.application.views import figure, if_sold, money_view, text
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.equity import EquitySample, deepest, falls, telling
from autotrader_v2.domain.fifo import Lot, fee_worth
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO, plain, reported
from autotrader_v2.domain.situation import SwitchMode

_FOREVER_MS = 2**53
_NOTHING = Lot(ZERO, ZERO)
_PAGE = 1000
Ask = Callable[[Which, int], Rows]


def quarter_up(time_ms: int) -> int:
    """The next border of a quarter of an hour: sums are kept between those."""
    return -(-time_ms // QUARTER_MS) * QUARTER_MS


class Reports:
    """Made for one question; keeps nothing itself."""

    def __init__(self, trader: AutoTraderV2, base_of: Callable[[str | None], str | None]) -> None:
        """`base_of`: BTC from any spelling. Errors: `CommandRefused`."""
        self._trader = trader
        self._base_of = base_of
        self._floor = trader.floor
        self._archive = trader.floor.journal.archive

    # -- the dashboard

    def dashboard(self, today_ms: int, week_ms: int, month_ms: int) -> dict[str, Any]:
        """Results of all coins since those moments (the person's midnights) and of all time, first in first out."""
        floor, keeper = self._floor, self._trader.bookkeeper
        keeper.results.catch_up()
        slots = self._trader.get_all_cycles()
        starts = {"today": today_ms, "week": week_ms, "month": month_ms}
        told = keeper.results.of_coins([(since, _FOREVER_MS) for since in starts.values()], _active(slots))
        periods = [
            {"name": name, "since_ms": since, **_sums(_added(coin.stretches[at] for coin in told.values()))}
            for at, (name, since) in enumerate(starts.items())
        ]
        firsts = [coin.first_ms for coin in told.values() if coin.first_ms]
        whole = _added(coin.all for coin in told.values())
        periods.append({"name": "all", "since_ms": min(firsts, default=None), **_sums(whole)})
        return {
            "time_ms": floor.clock.now_ms(),
            "complete": keeper.results.complete,
            "counted": keeper.results.counted,
            "periods": periods,
            "drawdown": self._drawdown(),
            "money": money_view(floor, slots, {}),
            "coins": (coins := self._coins(slots, told)),
            "worst": figure(sum((Decimal(coin["worst"]) for coin in coins if coin["worst"]), ZERO)),
            "next_buys": figure(sum((Decimal(coin["next_buy"]) for coin in coins if coin["next_buy"]), ZERO)),
        }

    def calendar(self, borders: Sequence[int]) -> dict[str, Any]:
        """Results between each two moments, first in first out."""
        keeper = self._trader.bookkeeper
        keeper.results.catch_up()
        stretches = list(pairwise(borders))
        told = keeper.results.of_coins(stretches, _active(self._trader.get_all_cycles()))
        return {
            "days": [
                {"since_ms": since, "until_ms": until, **_sums(_added(coin.stretches[at] for coin in told.values()))}
                for at, (since, until) in enumerate(stretches)
            ]
        }

    def equity(self, since_ms: int, points: int) -> dict[str, Any]:
        """Equity over time, the newest point being now. `start`: what was there before trading earned anything."""
        samples = self._samples()
        if not samples:
            return {"points": [], "start": None}
        start = samples[0].equity - samples[0].result
        drops = falls(samples)
        shown = [(at, one) for at, one in enumerate(samples) if one.time_ms >= since_ms]
        return {
            "start": figure(start),
            "points": [
                {
                    "time_ms": one.time_ms,
                    "equity": plain(one.equity),
                    "earned": figure(start + one.realised),
                    "fall_pct": figure(drops[at].pct),
                }
                for at, one in _fewer(shown, points)
            ],
        }

    def fifo(self, since_ms: int, until_ms: int, currency: str | None) -> Iterator[Mapping[str, Any]]:
        """Each movement of coins in that time with what it earned; the sums are those of the dashboard."""
        market = self.market(currency)
        since_ms, until_ms = quarter_up(since_ms), quarter_up(until_ms or _FOREVER_MS)
        walk = Walk(self._archive)
        while moved := walk.next():
            for one in moved:
                if since_ms <= one.time_ms < until_ms and market in (None, one.market):
                    yield _moved_row(one)

    # -- the tables

    def trades(self, which: Which, limit: int) -> Rows:
        """Booked fills."""
        return self._archive.trades(which, limit)

    def orders(self, which: Which, limit: int) -> Rows:
        """Order attempts."""
        return self._archive.orders(which, limit)

    def decisions(self, which: Which, limit: int) -> Rows:
        """What was decided: the engine's signals."""
        return self._archive.decisions(which, limit)

    def record(self, which: Which, limit: int) -> Rows:
        """What was changed and told."""
        return self._archive.record(which, limit)

    def every(self, ask: Ask, which: Which) -> Iterator[Mapping[str, Any]]:
        """All rows of a question, page by page."""
        while True:
            page = ask(which, _PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            which = Which(
                market=which.market,
                side=which.side,
                why=which.why,
                state=which.state,
                since_ms=which.since_ms,
                until_ms=which.until_ms,
                before=str(page[-1]["id"]),
            )

    def order(self, client_id: str) -> dict[str, Any]:
        """One order's life. Errors: `CommandRefused` 404."""
        life = self._archive.life(client_id)
        if life is None:
            raise CommandRefused("unknown_order", "The journal knows no order of that label.", status=404)
        return {"order": dict(life)}

    def market(self, currency: str | None) -> Market | None:
        """The market of a currency, whether it is still traded or not."""
        base = self._base_of(currency or None)
        return None if base is None else Market(self._floor.exchange.name, base, self._floor.home_quote)

    # -- helpers

    def _samples(self) -> list[EquitySample]:
        samples = [one for _, one in self._archive.equity()]
        now = sample_of(self._floor)
        return samples if now is None else [*samples, now]

    def _drawdown(self) -> dict[str, Any]:
        found = falls(self._samples())
        worst = deepest(found)
        return {
            "deepest_pct": figure(worst.pct) if found else None,
            "deepest_amount": figure(worst.amount) if found else None,
            "deepest_ms": worst.time_ms or None,
            "now_pct": figure(found[-1].pct) if found else None,
            "since_ms": found[0].time_ms if found else None,
        }

    def _coins(self, slots: Sequence[Slot], told: Mapping[Market, CoinResults]) -> list[dict[str, Any]]:
        by_market = {slot.market: slot for slot in slots}
        return [
            {
                "currency": market.base,
                "symbol": market.pair,
                **_past(told.get(market)),
                **(self._present(by_market[market]) if market in by_market else _NOT_TRADED),
            }
            for market in dict.fromkeys((*by_market, *told))
        ]

    def _present(self, slot: Slot) -> dict[str, Any]:
        state = slot.state
        cycle, plan = state.cycle, slot.plan
        view: dict[str, Any] = {
            **_NOT_TRADED,
            "traded": True,
            "switch": state.switch.value,
            "average_result": text(cycle.tally.realised),
        }
        if isinstance(cycle, Active):
            quote, row = self._floor.board.newest(slot.market), cycle.next_step
            rebuys = self._floor.mode_of(slot).rebuys
            return view | {
                "invested": figure(cycle.invested),
                "unrealised": figure(if_sold(cycle, quote)) if quote else None,
                "worst": figure(cycle.table.loss_at_end),
                "ahead": figure(cycle.table.cost_ahead) if rebuys else "0",
                "next_buy": text(row.quote) if row and rebuys else None,
            }
        if state.switch is SwitchMode.ON and plan is not None and plan.error is None:
            view |= {
                "worst": figure(plan.loss_at_end),
                "ahead": figure(plan.cost),
                "next_buy": text(plan.first_order),
            }
        return view


_NOT_TRADED: Mapping[str, Any] = {
    "traded": False,
    "switch": None,
    "average_result": None,
    "invested": None,
    "unrealised": None,
    "worst": None,
    "ahead": None,
    "next_buy": None,
}


def _active(slots: Sequence[Slot]) -> dict[Market, int]:
    cycles = ((slot.market, slot.state.cycle) for slot in slots)
    return {market: cycle.cycle_id for market, cycle in cycles if isinstance(cycle, Active)}


def _added(parts: Iterator[Sums]) -> Sums:
    whole = Sums()
    for part in parts:
        whole.add(part)
    return whole


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        "result": plain(sums.result),
        "fees": plain(sums.fees),
        "other_fees": {currency: plain(amount) for currency, amount in sums.other_fees.items()},
        "fills": sums.fills,
        "cycles": sums.cycles,
        "won": sums.won,
        "even": sums.even,
    }


def _past(coin: CoinResults | None) -> dict[str, Any]:
    if coin is None:
        coin = CoinResults(
            all=Sums(),
            stretches=(Sums(), Sums(), Sums()),
            median_ms=None,
            longest_ms=None,
            lots=_NOTHING,
            foreign=_NOTHING,
            first_ms=0,
        )
    return {
        **_sums(coin.all),
        "today": plain(coin.stretches[0].result),
        "month": plain(coin.stretches[2].result),
        "median_ms": coin.median_ms,
        "longest_ms": coin.longest_ms,
        "foreign_coins": plain(coin.foreign.coins),
        "foreign_proceeds": plain(coin.foreign.cost),
    }


def _fewer(samples: Sequence[tuple[int, EquitySample]], points: int) -> Sequence[tuple[int, EquitySample]]:
    """At most about that many, the heights and depths among them."""
    if len(samples) <= points:
        return samples
    size = -(-len(samples) * 3 // points)
    return [one for at in range(0, len(samples), size) for one in telling(samples[at : at + size])]


def _moved_row(one: Moved) -> Mapping[str, Any]:
    fill, disposal = one.fill, one.disposal
    worth = fee_worth(fill) if fill else ZERO
    return {
        "time_ms": one.time_ms,
        "symbol": one.market.pair,
        "kind": one.kind,
        "cycle_id": one.cycle_id,
        "base": text(fill.base) if fill else None,
        "quote": text(fill.quote) if fill else None,
        "price": plain(reported(fill.price)) if fill else None,
        "fee": text(fill.fee) if fill else None,
        "fee_currency": fill.fee_currency if fill else None,
        "fee_quote": text(worth),
        "coins_sold": text(disposal.coins) if disposal else None,
        "proceeds": text(disposal.proceeds) if disposal else None,
        "cost": text(disposal.cost) if disposal else None,
        "result": text(disposal.result) if disposal else None,
        "foreign_coins": text(disposal.foreign) if disposal else None,
        "foreign_proceeds": text(disposal.foreign_proceeds) if disposal else None,
        "client_id": fill.client_id if fill else None,
        "order_id": fill.order_id if fill else None,
        "trade_id": fill.trade_id if fill else None,
    }
