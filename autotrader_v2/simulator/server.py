"""The exchange in a box: a matching core behind real sockets on this machine, in a thread of its own."""

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Any, Self, TypeVar

from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.matching.accounts import Account, FeeSettings
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.matching.knobs import Knobs
from autotrader_v2.matching.lookup import held
from autotrader_v2.matching.markets import Profile
from autotrader_v2.matching.records import BalanceChanged, Event, Order, UserTrade
from autotrader_v2.matching.refused import Refused
from autotrader_v2.simulator.acts import perform
from autotrader_v2.simulator.answer_memory import AnswerMemory
from autotrader_v2.simulator.clock import ProtocolClock
from autotrader_v2.simulator.connection import HttpConnection
from autotrader_v2.simulator.control import Control
from autotrader_v2.simulator.desk import Desk
from autotrader_v2.simulator.faults import Faults
from autotrader_v2.simulator.fields import BadField
from autotrader_v2.simulator.hub import Hub
from autotrader_v2.simulator.limits import RateLimiter
from autotrader_v2.simulator.prices import Prices
from autotrader_v2.simulator.rest import RestFace
from autotrader_v2.simulator.router import PREFIX
from autotrader_v2.simulator.world import World
from autotrader_v2.simulator.ws_connection import WsConnection
from autotrader_v2.simulator.ws_face import WsFace

_Result = TypeVar("_Result")
WS_PATHS = ("/ws/v4/", "/ws/v4")
_BEAT_S = 0.05
_CALL_TIMEOUT_S = 30.0
# Prices taken in at once before sockets get their turn.
_QUOTES_AT_ONCE = 500
Money = Decimal | int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One account with its API key. `balances` by currency."""

    key: str
    secret: str
    balances: Mapping[str, Money]
    fees: FeeSettings = field(default_factory=FeeSettings)
    stp_id: int = 0


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account's books at one moment. `balances`: currency -> (free, locked). Orders and trades oldest first."""

    balances: Mapping[str, tuple[Decimal, Decimal]]
    open_orders: tuple[Order, ...]
    orders: tuple[Order, ...]
    trades: tuple[UserTrade, ...]

    def total(self, currency: str) -> Decimal:
        """Free and locked together."""
        return sum(self.balances.get(currency, ()), Decimal(0))


class Simulator:
    """Gate v4 on loopback: `with Simulator(rules, {"USDT": 1000}) as sim:` then `sim.url`, `sim.ws_url`.

    `rules`: the markets. `balances`: of the first account, whose key and secret are `key` and `secret`; `clients`:
    further accounts. `port` 0 picks a free one. `seed` decides the shape of the books and the chance of `faults`.
    `control_token`: opens the control routes `/sim/…` (see `Control`); without one there are none. `clock_us`:
    the protocol's clock (wall time in µs). `patience_s`: how long half a request may wait for its other half.
    `backlog_max`: bytes a WebSocket reader may let pile up.

    Methods may be called from any thread; what they do happens in the simulator's own, in the order of the calls. Time
    moves by itself, prices only by `feed`. `faults` makes calls and pushes go wrong, `limits` switches rate limits,
    `clock_offset_ms` sets the protocol's clock apart from the wall's, `act` does anything of `acts.py`. The books can
    be read after `stop` too.
    """

    def __init__(
        self,
        rules: Iterable[MarketRules],
        balances: Mapping[str, Money] | None = None,
        *,
        key: str = "key",
        secret: str = "secret",  # noqa: S107 - the exchange in a box guards nothing
        fees: FeeSettings | None = None,
        clients: Sequence[Client] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 0,
        knobs: Knobs | None = None,
        profiles: Mapping[str, Profile] | None = None,
        rate_limits: bool = True,
        clock_us: Callable[[], int] | None = None,
        patience_s: float = 10.0,
        backlog_max: int = 8 * 1024 * 1024,
        control_token: str = "",
    ) -> None:
        self._host = host
        self._port = port
        self._patience_s = patience_s
        self._backlog_max = backlog_max
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._clock = ProtocolClock(clock_us or _wall_us)
        self.faults = Faults(seed)
        self._core = MatchingCore(
            rules,
            now_ms=self._clock.now_ms,
            rng=random.Random(seed),
            knobs=knobs,
            profiles=profiles,
            listener=self._hear,
        )
        first = Client(key=key, secret=secret, balances=balances or {}, fees=fees or FeeSettings())
        keys: dict[str, tuple[str, Account]] = {}
        for client in (first, *clients):
            money = {currency: Decimal(amount) for currency, amount in client.balances.items()}
            account = self._core.open_account(client.key, money, client.fees, stp_id=client.stp_id)
            keys[client.key] = (client.secret, account)
        self.limits = RateLimiter(enabled=rate_limits)
        self._desk = Desk(self._core, keys, self.limits, self._clock.now_us)
        self._face = RestFace(self._desk)
        self._hub = Hub(self._core, self._desk.clock_ms, self.faults)
        self._ws_face = WsFace(self._desk, self._hub, self.faults)
        self.world = World(self._core, self._desk, self._hub, self._clock, Prices())
        self._control = Control(control_token, self.world, self.faults)
        self._answers = AnswerMemory()
        self._open_ones: set[asyncio.BaseTransport] = set()
        self._quotes: deque[Quote] = deque()
        self._quotes_lock = threading.Lock()
        self._quotes_wanted = False

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Serve; returns when connections are taken. Errors: OSError when the port is not free."""
        ready: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="simulator", daemon=True)
        self._thread.start()
        self._port = ready.result(_CALL_TIMEOUT_S)
        return self

    def stop(self) -> None:
        """Close all connections and end; may be called twice."""
        if self._loop is not None and self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def clock_offset_ms(self) -> int:
        """How far the protocol's clock is set ahead of the wall's."""
        return self._clock.offset_ms

    @clock_offset_ms.setter
    def clock_offset_ms(self, offset_ms: int) -> None:
        self._clock.offset_ms = offset_ms

    @property
    def control_url(self) -> str:
        """Where the control routes are, if there are any."""
        return f"http://{self._host}:{self._port}/sim"

    @property
    def url(self) -> str:
        """Where REST is served, as API clients want it."""
        return f"http://{self._host}:{self._port}{PREFIX}"

    @property
    def ws_url(self) -> str:
        """Where the WebSocket is served."""
        return f"ws://{self._host}:{self._port}{WS_PATHS[0]}"

    # -- the world -------------------------------------------------------------------------------------------------

    def feed(self, quote: Quote) -> None:
        """Set a market's prices. Does not wait; every later call and request sees them.

        The quote must be possible (0 < bid <= ask) and its market known, or the simulator's thread reports the error.
        """
        with self._quotes_lock:
            self._quotes.append(quote)
            wanted, self._quotes_wanted = self._quotes_wanted, True
        if not wanted and self._loop is not None:
            self._loop.call_soon_threadsafe(self._take_quotes)

    def price(self, pair: str, bid: Money, ask: Money, last: Money | None = None) -> None:
        """Set a market's prices by hand."""
        market, now_ms = self._core.pits[pair].rules.market, self._clock.now_ms()
        last_price = Decimal(bid if last is None else last)
        self.feed(Quote(market, Decimal(bid), Decimal(ask), last_price, now_ms, now_ms))

    def account(self, key: str = "") -> AccountView:
        """The books of an account, of the first one by default."""

        def view(core: MatchingCore) -> AccountView:
            account = self.world.account(key)
            return AccountView(
                held(account), tuple(account.open.values()), tuple(account.orders.values()), tuple(account.trades)
            )

        return self.call(view)

    def trade_by_hand(
        self, pair: str, side: Side, amount: Money, *, price: Money | None = None, key: str = "", text: str = ""
    ) -> Order:
        """Trade as the account's owner would in the exchange's own app.

        `amount` is quote currency for a market buy, coins otherwise; with a `price` it is a limit order that rests.
        Errors: `Refused`.
        """
        limit = None if price is None else Decimal(price)
        return self.call(lambda _core: self.world.trade(pair, side, Decimal(amount), price=limit, key=key, text=text))

    def act(self, name: str, **values: Any) -> None:
        """Do one of the acts of `acts.py` to the exchange. Errors: `BadField`."""
        self.call(lambda _core: perform(self.world, name, values, name))

    def deposit(self, currency: str, amount: Money, *, key: str = "") -> None:
        """Pay money in."""
        self.call(lambda _core: self.world.deposit(currency, Decimal(amount), key=key))

    def withdraw(self, currency: str, amount: Money, *, key: str = "") -> None:
        """Take money out. Errors: `Refused`."""
        self.call(lambda _core: self.world.withdraw(currency, Decimal(amount), key=key))

    def set_rules(self, rules: MarketRules) -> None:
        """Change a market's rules, or open a market."""
        self.call(lambda core: core.set_rules(rules))

    def set_knobs(self, knobs: Knobs) -> None:
        """Change how the exchange behaves."""

        def change(core: MatchingCore) -> None:
            core.knobs = knobs

        self.call(change)

    def set_fees(self, fees: FeeSettings, *, key: str = "") -> None:
        """Change what an account pays."""

        def change(_core: MatchingCore) -> None:
            self.world.account(key).fees = fees

        self.call(change)

    def drop_websockets(self) -> None:
        """Cut every WebSocket that listens to something, as a network would."""
        self.call(lambda _core: self._hub.drop_all())

    def call(self, act: Callable[[MatchingCore], _Result]) -> _Result:
        """Run something on the matching core in the simulator's thread and return its result, or raise its error."""
        if self._loop is None or self._thread is threading.current_thread():
            return act(self._core)
        done: Future[_Result] = Future()

        def run() -> None:
            try:
                done.set_result(act(self._core))
            except Exception as error:  # handed to the caller's thread
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(_CALL_TIMEOUT_S)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        # Accounts are opened, and announce it, before anybody can listen.
        if self._loop is not None:
            if isinstance(event, BalanceChanged):
                self._desk.memory.hear(event, self._clock.now_ms())
            self._hub.hear(event)

    def _run(self, ready: "Future[int]") -> None:
        try:
            asyncio.run(self._serve(ready))
        finally:
            # The books stay readable, from any thread.
            self._loop = None

    async def _serve(self, ready: "Future[int]") -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        try:
            server = await loop.create_server(self._connection, self._host, self._port)
        except OSError as error:
            ready.set_exception(error)
            return
        self._take_quotes()
        ready.set_result(server.sockets[0].getsockname()[1])
        beats = [loop.create_task(self._beat())]
        beats += [loop.create_task(self._hub.pace(pace_ms)) for pace_ms in self._hub.paces()]
        await self._stopping.wait()
        for beat in beats:
            beat.cancel()
        server.close()
        for transport in list(self._open_ones):
            transport.abort()  # type: ignore[attr-defined]
        # One turn of the loop, so that connections learn that they are lost.
        await asyncio.sleep(0)

    async def _beat(self) -> None:
        """What is due by time alone: countdowns, expiring trigger orders."""
        while True:
            self._core.advance()
            self.world.beat()
            for happening in self.faults.due():
                try:
                    perform(self.world, happening.act, happening.values, happening.kind)
                except BadField as error:
                    # What a rule asks for may be impossible by now: a market gone, money spent.
                    asyncio.get_running_loop().call_exception_handler({"message": str(error), "exception": error})
            await asyncio.sleep(_BEAT_S)

    def _connection(self) -> HttpConnection:
        return HttpConnection(
            self._face,
            self.faults,
            self._upgrade,
            self._control.answer,
            self._answers,
            ws_paths=WS_PATHS,
            clock_us=self._clock.now_us,
            open_ones=self._open_ones,
            patience_s=self._patience_s,
        )

    def _upgrade(self, transport: asyncio.Transport, data: bytes) -> asyncio.BaseProtocol:
        peer = transport.get_extra_info("peername")
        connection = WsConnection(
            transport,
            self._ws_face,
            conn_id=self._desk.trace_id()[-16:],
            address=str(peer[0]) if peer else "",
            open_ones=self._open_ones,
            backlog_max=self._backlog_max,
        )
        connection.data_received(data)
        return connection

    def _take_quotes(self) -> None:
        for _ in range(_QUOTES_AT_ONCE):
            with self._quotes_lock:
                if not self._quotes:
                    self._quotes_wanted = False
                    return
                quote = self._quotes.popleft()
            try:
                self.world.take(quote)
            except (ValueError, Refused) as error:
                # One bad price must not end the others; asyncio logs it.
                asyncio.get_running_loop().call_exception_handler(
                    {"message": f"bad quote: {error}", "exception": error}
                )
        asyncio.get_running_loop().call_soon(self._take_quotes)


def _wall_us() -> int:
    return time.time_ns() // 1000
