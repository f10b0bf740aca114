"""A decision that becomes an order: claimed complete, and told only once the order is on its way."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from autotrader_v2.application.deciding import Decider
from autotrader_v2.application.events import Bus
from autotrader_v2.application.floor import Floor, TraderConfig
from autotrader_v2.application.funds import Wallet
from autotrader_v2.application.ports import Holding
from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.application.slot import Slot, idle_slot_state
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.orders import OrderIntent
from autotrader_v2.domain.situation import Hold, Reason, SwitchMode
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.notify.log import LogNotifier
from autotrader_v2.infrastructure.paper import PaperExchange
from tests.builders import ETH, RULES, a_quote


@dataclass
class _Journal:
    """Keeps what was noted."""

    full: bool = False
    noted: list[Any] = field(default_factory=list)

    def note(self, decision: object) -> None:
        self.noted.append(decision)


class _Scene:
    """A market that is on and a price at which it starts."""

    def __init__(self) -> None:
        clock = SystemClock()
        money = Decimal(1000)
        wallet = Wallet("USDT")
        wallet.arrived(wallet.begin_reading(), {"USDT": Holding(money, Decimal(0))})
        self.journal: Any = _Journal()
        self.floor = Floor(
            exchange=PaperExchange([RULES], {"USDT": money}, clock=clock, seed=1),
            journal=self.journal,
            clock=clock,
            notifier=LogNotifier(),
            bus=Bus(),
            board=QuoteBoard(),
            wallet=wallet,
            config=TraderConfig(),
            home_quote="USDT",
        )
        self.slot = Slot(idle_slot_state(ETH, RULES, LadderParams()), 1)
        self.slot.change(switch=SwitchMode.ON)
        self.floor.slots[ETH] = self.slot
        self.decider = Decider(self.floor, "test")
        now_ms = clock.now_ms()
        self.quote = a_quote(exchange_ms=now_ms, confirmed_ms=now_ms, ask_size=money)


def test_an_intent_is_claimed_with_the_time_after_which_it_must_not_arrive() -> None:
    """It is complete before it is written: nothing that looks at an order in flight finds it without an end."""
    scene = _Scene()
    before_ms = scene.floor.exchange.now_ms()
    intent = scene.decider.step(scene.slot, scene.quote).wanted
    assert isinstance(intent, OrderIntent)
    life_ms = scene.floor.config.order_life_ms
    assert before_ms + life_ms <= intent.expires_ms <= scene.floor.exchange.now_ms() + life_ms
    order = scene.slot.state.order
    assert order is not None and order.intent is intent


def test_what_was_decided_is_told_after_the_order_is_on_its_way_and_once() -> None:
    scene = _Scene()
    step = scene.decider.step(scene.slot, scene.quote)
    scene.floor.afterwards.finish()
    assert isinstance(step.wanted, OrderIntent) and step.news is not None
    assert not scene.journal.noted
    scene.decider.tell(scene.slot, step.news)
    scene.floor.afterwards.finish()
    assert [(one.kind, one.reason) for one in scene.journal.noted] == [("buy", "start")]
    again = scene.decider.step(scene.slot, scene.quote)
    assert again.wanted is None and again.news is None, "it waits for its order, as it said"


def test_p7_disk_full_holds_a_buy_before_anything_is_claimed() -> None:
    scene = _Scene()
    scene.journal.full = True
    step = scene.decider.step(scene.slot, scene.quote)
    assert step.wanted is None and step.news == Hold(Reason.JOURNAL_FULL)
    assert scene.slot.state.order is None and scene.floor.wallet.free() == 1000
