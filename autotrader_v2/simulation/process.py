"""One run of the program: the engine with everything of its own, from start to crash."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, cast

from autotrader_v2.application.afterwards import Afterwards
from autotrader_v2.application.events import Alert, Bus, News, Record
from autotrader_v2.application.floor import Floor, TraderConfig
from autotrader_v2.application.funds import Wallet
from autotrader_v2.application.ports import Exchange, FeedStatus, JournalUnavailable
from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.trader import AutoTraderV2
from autotrader_v2.domain.limits import OrderLimits
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import LIFE_DIGITS, Fill, OrderIntent, base36
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.simulation.faults import Dice
from autotrader_v2.simulation.fibers import Crashed, FiberCrew, FiberLock, Hub, Machine, VirtualClock
from autotrader_v2.simulation.journal import MemoryJournal, Store
from autotrader_v2.simulation.venue import Venue, VenueExchange

# Rules are read often, so that worlds need not be long to see them change.
# A stop waits for no order: the program may end while one is out.
CONFIG = TraderConfig(workers=1, rules_s=30, order_limits=OrderLimits.none(), stop_wait_s=0)
_LINGER_MS = 300
_DISK_DO = "Free some space."


def as_it_is(port: VenueExchange) -> Exchange:
    """The exchange's port without anything planted into it."""
    return port


class Outside(Protocol):
    """What a process asks of the world around it."""

    def sent(self, intent: OrderIntent) -> None:
        """An order is about to leave."""

    def writing(self, records: Sequence[Record]) -> None:
        """A transaction begins."""

    def committed(self, records: Sequence[Record]) -> None:
        """A transaction is durable."""

    def boundary(self, kind: str) -> None:
        """The process is about to touch the world, or just has: it may die here, and then this never returns."""

    def disk_full(self) -> bool:
        """Whether this write fails."""


class _Slots(dict[Market, Slot]):
    """Gives each slot a lock that fibers can wait for."""

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self._hub = hub

    def __setitem__(self, market: Market, slot: Slot) -> None:
        lock: object = slot.book_lock
        if not isinstance(lock, FiberLock):
            slot.book_lock = FiberLock(self._hub)  # type: ignore[assignment]
        super().__setitem__(market, slot)

    def become(self, slots: Mapping[Market, Slot]) -> "_Slots":
        """Other slots, in what takes this one's place."""
        after = _Slots(self._hub)
        for market, slot in slots.items():
            after[market] = slot
        return after


class _Floor(Floor):
    """Coins join and leave: whatever takes the slots' place has its locks from the first moment."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "slots" and not isinstance(value, _Slots):
            value = cast(_Slots, self.slots).become(value)
        super().__setattr__(name, value)


class _Board(QuoteBoard):
    """Workers wait in virtual time, and may be late."""

    def __init__(self, hub: Hub, dice: Dice) -> None:
        super().__init__()
        self._hub = hub
        self._dice = dice

    def take(self) -> Market | None:
        """See `QuoteBoard`."""
        if self._due.empty():
            self._hub.wait(lambda: not self._due.empty())
        if self._dice.hit("worker_starved"):
            self._hub.sleep(self._dice.ms(500, 6000))
        return super().take()


class _Bus(Bus):
    """Nobody listens; nothing runs beside."""

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self._hub = hub

    def run(self) -> None:
        """See `Bus`."""
        self._hub.forever()

    def stop(self) -> None:
        """See `Bus`."""

    def tell(self, news: News) -> None:
        """See `Bus`."""


class _Afterwards(Afterwards):
    """Lingers in virtual time, longer than a real one: what gathers meanwhile is done in one turn."""

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self._hub = hub

    def run(self, stopping: threading.Event) -> None:
        """See `Afterwards`."""
        while True:
            self._hub.wait(lambda: bool(self._waiting))
            self._hub.wait(stopping.is_set, _LINGER_MS)
            self.finish()


class _Feed:
    """The process's end of the price stream."""

    def __init__(self) -> None:
        self.on_quote: Callable[[Quote], None] | None = None
        self.watched: Collection[Market] = ()

    def start(self, markets: Sequence[Market], on_quote: Callable[[Quote], None]) -> None:
        """See `MarketFeed`."""
        self.on_quote, self.watched = on_quote, markets

    def watch(self, markets: Sequence[Market]) -> Collection[Market]:
        """See `MarketFeed`."""
        self.watched = markets
        return ()

    def status(self) -> FeedStatus:
        """See `MarketFeed`."""
        return FeedStatus("gate", "a world", True, 0)

    def stop(self) -> None:
        """See `MarketFeed`."""
        self.on_quote = None


class _AccountFeed:
    """The process's end of the stream of own trades."""

    def __init__(self) -> None:
        self.on_fill: Callable[[Fill], None] | None = None
        self.on_gap: Callable[[], None] | None = None

    def start(self, on_fill: Callable[[Fill], None], on_gap: Callable[[], None]) -> None:
        """See `AccountFeed`."""
        self.on_fill, self.on_gap = on_fill, on_gap
        on_gap()

    def stop(self) -> None:
        """See `AccountFeed`."""
        self.on_fill = self.on_gap = None

    @property
    def connected(self) -> bool:
        """See `AccountFeed`."""
        return self.on_fill is not None

    @property
    def fault(self) -> str:
        """See `AccountFeed`."""
        return ""


class Process:
    """The engine, started on what the disk holds. `group` names its lines of work at the hub."""

    def __init__(
        self,
        hub: Hub,
        dice: Dice,
        venue: Venue,
        store: Store,
        machine: Machine,
        outside: Outside,
        markets: Sequence[Market],
        group: int,
        *,
        primary: Market | None = None,
        config: TraderConfig = CONFIG,
        exchange: Callable[[VenueExchange], Exchange] = as_it_is,
    ) -> None:
        self.hub = hub
        self.group = group
        self.alive = True
        self._dice = dice
        self._outside = outside
        self.clock = clock = VirtualClock(hub, machine)
        self.port = VenueExchange(venue, clock, sent=outside.sent, boundary=outside.boundary)
        self.feed = _Feed()
        self.account_feed = _AccountFeed()
        journal = MemoryJournal(store, self._boundary)
        self.floor = _Floor(
            exchange=exchange(self.port),
            journal=journal,
            clock=clock,
            notifier=self,
            bus=_Bus(hub),
            board=_Board(hub, dice),
            wallet=Wallet("USDT"),
            config=config,
            home_quote="USDT",
            account_lock=FiberLock(hub),  # type: ignore[arg-type]
            slots=_Slots(hub),
            afterwards=_Afterwards(hub),
        )
        self.alerts: list[Alert] = []
        self.trader = AutoTraderV2(
            self.floor,
            self.feed,
            journal.load(),
            markets,
            first_switches={},
            account_feed=self.account_feed,
            crew=FiberCrew(hub, group),
            primary=primary,
            # One of its own for each start of a world, and the same whenever the world is run again.
            life=base36(clock.now_ms()).rjust(LIFE_DIGITS, "0")[-LIFE_DIGITS:],
        )
        # Held while something is written down, which other fibers go on beside.
        self.trader.commands._common_lock = FiberLock(hub)  # type: ignore[assignment]
        self.trader.sell_everything._lock = FiberLock(hub)  # type: ignore[assignment]
        self.trader.market_list._lock = FiberLock(hub)  # type: ignore[assignment]
        self.trader.start()

    def alert(self, alert: Alert) -> None:
        """See `Notifier`."""
        self.alerts.append(alert)

    def die(self) -> None:
        """End where it stands."""
        self.alive = self.port.alive = False
        self.feed.stop()
        self.account_feed.stop()
        self.hub.kill(self.group)

    def _boundary(self, records: Sequence[Record], written: bool) -> None:
        """The disk: before and after each write it may be slow, full, or the last thing the process sees."""
        if not self.alive:
            raise Crashed
        dice, hub = self._dice, self.hub
        if written:
            self._outside.committed(records)
            self._outside.boundary("crash_after_write")
            return
        self._outside.writing(records)
        self._outside.boundary("crash_before_write")
        hub.sleep(dice.ms(300, 3000) if dice.hit("write_slow") else dice.ms(0, 7))
        if self._outside.disk_full():
            raise JournalUnavailable("The disk is full.", do=_DISK_DO)
