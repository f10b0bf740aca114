"""`decide` per call in the four usual situations, and `Decider.step` whole. Aim: at most 5 µs for `decide`."""

import sys
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

from autotrader_v2.application.deciding import Decider
from autotrader_v2.application.events import Bus
from autotrader_v2.application.floor import Floor, TraderConfig
from autotrader_v2.application.funds import Wallet
from autotrader_v2.application.ports import Holding
from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.application.slot import Slot, SlotState
from autotrader_v2.domain.cycle import Active, BuyBooked, Idle, TradingCycle, apply
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import Fill, Side, Why
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import BaseReading, Buy, Hold, Reason, Sell, Situation, SwitchMode, decide
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.notify.log import LogNotifier
from autotrader_v2.infrastructure.paper import PaperExchange
from benchmarks import report
from benchmarks.bare import NoJournal

_ETH = Market("gate", "ETH", "USDT")
_RULES = MarketRules(
    market=_ETH,
    price_precision=2,
    amount_precision=4,
    fee=Decimal("0.002"),
    min_base=Decimal("0.001"),
    min_quote=Decimal(3),
)
_PARAMS = LadderParams()
_MANY = Decimal(1000)


def measure(_folder: Path, short: bool) -> report.Figures:
    """Each situation on values made beforehand; nothing is shared with a running engine."""
    for_s = 0.15 if short else 3.0
    active = _active()
    step = active.next_step
    if step is None:
        raise AssertionError("the ladder has steps")
    between = _situation(active, _quote(active.take_profit - Decimal("0.01"), step.price + Decimal("0.01")))
    cases = {
        "between_steps": (between, Hold(Reason.BETWEEN_STEPS)),
        "rebuy": (_situation(active, _quote(step.price - Decimal("0.02"), step.price)), Buy),
        "take_profit": (_situation(active, _quote(active.take_profit, active.take_profit + Decimal("0.01"))), Sell),
        "idle_start": (_situation(Idle(market=_ETH), _quote(Decimal("2499.99"), Decimal(2500))), Buy),
    }
    figures: report.Figures = {}
    for name, (situation, wanted) in cases.items():
        action = decide(situation)
        kind = wanted if isinstance(wanted, type) else type(wanted)
        if not isinstance(action, kind):
            raise AssertionError(f"{name}: decided {action}")
        figures[f"{name}_us"] = report.per_call_us(partial(decide, situation), for_s=for_s)
    figures["aim_us"] = 5.0
    figures["step"] = {
        "running_us": _step_us(active, between.quote, for_s),
        "idle_off_us": _step_us(Idle(market=_ETH), between.quote, for_s, SwitchMode.OFF),
        "idle_finishing_us": _step_us(Idle(market=_ETH), between.quote, for_s, SwitchMode.FINISH),
    }
    return figures


def _active() -> Active:
    fill = Fill(
        trade_id="1",
        order_id="1",
        client_id="t-test-1.1",
        market=_ETH,
        side=Side.BUY,
        base=Decimal("0.01"),
        quote=Decimal(25),
        fee=Decimal("0.00002"),
        fee_currency="ETH",
        time_ms=SystemClock().now_ms() - 60_000,
    )
    bought = BuyBooked(
        client_id=fill.client_id,
        cycle_id=1,
        why=Why.START,
        step=0,
        seen_price=Decimal(2500),
        fills=(fill,),
        params=replace(_PARAMS, start_quote=Decimal(25)),
        rules=_RULES,
    )
    cycle = apply(Idle(market=_ETH), bought)
    if not isinstance(cycle, Active):
        raise AssertionError("a start buy opens a cycle")
    return cycle


def _quote(bid: Decimal, ask: Decimal) -> Quote:
    now_ms = SystemClock().now_ms()
    return Quote(_ETH, bid, ask, bid, now_ms, now_ms, bid_size=_MANY, ask_size=_MANY)


def _situation(cycle: TradingCycle, quote: Quote) -> Situation:
    return Situation(
        cycle=cycle,
        quote=quote,
        rules=_RULES,
        params=cycle.params if isinstance(cycle, Active) else _PARAMS,
        mode=SwitchMode.ON,
        now_ms=quote.confirmed_ms,
        exchange_now_ms=quote.exchange_ms,
        free_quote=_MANY,
        free_for_start=_MANY,
        base=BaseReading(cycle.held if isinstance(cycle, Active) else Decimal(0), Decimal(0)),
    )


def _step_us(cycle: TradingCycle, quote: Quote | None, for_s: float, mode: SwitchMode = SwitchMode.ON) -> float:
    """The whole step of a market that holds: situation, decision, what is remembered of it."""
    clock = SystemClock()
    wallet = Wallet("USDT")
    wallet.arrived(wallet.begin_reading(), {"USDT": Holding(_MANY, Decimal(0)), "ETH": Holding(_MANY, Decimal(0))})
    floor = Floor(
        exchange=PaperExchange([_RULES], {"USDT": _MANY}, clock=clock, seed=1),
        journal=NoJournal(),
        clock=clock,
        notifier=LogNotifier(),
        bus=Bus(),
        board=QuoteBoard(),
        wallet=wallet,
        config=TraderConfig(max_quote_age_ms=3_600_000),
        home_quote="USDT",
    )
    slot = Slot(SlotState(cycle=cycle, rules=_RULES, params=_PARAMS, switch=mode), 1)
    floor.slots[_ETH] = slot
    floor.publish_cycle(slot)
    decider = Decider(floor, "test")
    if decider.step(slot, quote).wanted is not None:
        raise AssertionError("nothing was to be done here")
    return report.per_call_us(lambda: decider.step(slot, quote), for_s=for_s)


if __name__ == "__main__":
    sys.exit(report.main("decide", measure))
