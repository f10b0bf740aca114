"""The engine as a process, killed again and again, at an exchange in a process, on a price path that does not care.

Several coins walk the same cycles over and over: start, some rebuys, sale. A coin's price stands still until the
exchange has carried out its next order, so what is traded does not depend on when that happens, and a run that was
killed fifty times must end with the very trades of the run that never was.
"""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread

from autotrader_v2.domain.money import floor_to
from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.markets import rules_for
from tests import audit
from tests.canary import KEY, SECRET, TOKEN
from tests.dying import POINTS
from tests.engine import LIMITS_OFF, a_price
from tests.processes import DOOR, Serving
from tests.proxy import Do, Moment, Proxy, Request, Rule
from tests.sim_process import SimControl, SimProcess, ToldAccount

PRICES = {
    "ETH": Decimal(2500),
    "SOL": Decimal(150),
    "LTC": Decimal(65),
    "LINK": Decimal(14),
    "AVAX": Decimal(25),
    "DOT": Decimal(5),
    "UNI": Decimal(8),
    "NEAR": Decimal(3),
    "ATOM": Decimal(6),
    "XRP": Decimal("0.6"),
}
START_QUOTE = {"USDT": 100_000}
# Where each order of a cycle happens, as a part of the start price; by turns two and three rebuys.
CYCLES = (("1", "0.984", "0.965", "1"), ("1", "0.984", "0.965", "0.943", "1"))
_FRESH_S = 0.05
# In a run with kills so many coins wait for their next order at a time: else one kill would leave all of them in doubt.
_AT_ONCE = 3
# And so long passes between two moves: fifty kills are to see many moments of few orders, not few of many.
_MOVE_S = 0.25
# Seconds of a life that is ended at any time: from the middle of the start to so long after it.
_AFTER_START_S = 1.5
# A life that does not get to its named end is ended so long after its start.
_POINT_LIMIT_S = 2.0
_PATIENT_S = 120.0
# Proof of absence takes some twenty seconds of one life; so long does nobody kill when nearly all coins wait for it.
_REST_S = 40.0
_DONE_S = 600.0

# How a life ends, and how often. `wire-*`: killed from outside when an order is at that place.
KINDS: Mapping[str, int] = {
    "any-time": 8,
    "wire-lost": 2,  # the order never reaches the exchange
    "wire-orphan": 3,  # it reaches the exchange after its sender died
    "wire-executed": 4,  # executed, the answer never reaches the engine
    "wire-answered": 4,  # a few milliseconds after the answer
    "wire-reading": 3,  # killed while recovery asks for its orders: a second crash on the first one's heels
    **{f"point-{name}": 1 for name in POINTS if name != "in-absent"},
}
# What must go wrong in a life so that it gets to a place: an order whose answer, or which itself, is lost.
_LOST_ANSWER, _LOST_ORDER = (Rule(do=Do.DROP_AFTER),), (Rule(do=Do.DROP_BEFORE),)
_LEADS_TO = {
    "after-unknown": _LOST_ANSWER,
    "before-find": _LOST_ANSWER,
    "after-find": _LOST_ANSWER,
    "in-absent": _LOST_ORDER,
}


@dataclass
class Story:
    """What happened in a run."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    timed_out: int = 0
    rests: int = 0
    answers: list[bytes] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0


class CoinPath:
    """A coin's prices: which one holds until the nth order is carried out."""

    def __init__(self, coin: str) -> None:
        self.rules = rules_for(coin)
        self._start = PRICES[coin]

    def price(self, orders: int) -> Decimal:
        """The price at which the order after so many happens."""
        parts = self._parts(orders)
        return floor_to(self._start * Decimal(parts[1][parts[2]]), self.rules.tick)

    def cycle(self, orders: int) -> int:
        """Which cycle, counted from 0, the order after so many belongs to."""
        return self._parts(orders)[0]

    def _parts(self, orders: int) -> tuple[int, tuple[str, ...], int]:
        both = sum(map(len, CYCLES))
        number, left = divmod(orders, both)
        if left < len(CYCLES[0]):
            return 2 * number, CYCLES[0], left
        return 2 * number + 1, CYCLES[1], left - len(CYCLES[0])


class Market:
    """Moves the prices, from the exchange's own books alone. A thread of its own."""

    def __init__(self, sim: SimControl, coins: tuple[str, ...]) -> None:
        self._sim = sim
        self._last_trade = 0
        # So many coins wait for their next order at a time, those not counted that `in_doubt` names; 0: all may.
        self.at_once = 0
        self.in_doubt: set[str] = set()
        # The cycle, counted from 0, in which a coin's price waits after the first order for whoever says: the last one.
        self.last: dict[str, int] = {}
        self._moves_s = 0.0
        # After how many orders the coin's present price is due.
        self._moved: dict[str, int] = dict.fromkeys(coins, 0)
        self.paths = {coin: CoinPath(coin) for coin in coins}
        self.orders: dict[str, int] = dict.fromkeys(coins, 0)
        self._known: defaultdict[str, set[int]] = defaultdict(set)
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="market", daemon=True)

    def __enter__(self) -> "Market":
        self.tell()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join()

    def tell(self) -> None:
        """Count the orders, tell the prices."""
        for trade in self._sim.trades(self._last_trade):
            self._known[trade.pair].add(trade.order_id)
            self._last_trade = trade.id
        for coin, path in self.paths.items():
            self.orders[coin] = len(self._known[path.rules.market.pair])
        self._move()
        self._sim.tell(
            a_price(path.rules.market, path.price(self._moved[coin]), path.rules.tick)
            for coin, path in self.paths.items()
        )

    def _move(self) -> None:
        """Move prices on whose order has happened, the longest unmoved first, as far as not too many wait already."""
        due = sorted(
            (coin for coin in self.paths if self.orders[coin] != self._moved[coin]), key=self._moved.__getitem__
        )
        waiting = set(self.paths) - set(due) - self.in_doubt
        due = [coin for coin in due if not self._in_the_last(coin)]
        if self.at_once:
            now_s = time.monotonic()
            due = due[: len(waiting) < self.at_once and now_s >= self._moves_s]
            self._moves_s = now_s + _MOVE_S if due else self._moves_s
        for coin in due:
            self._moved[coin] = self.orders[coin]

    def _in_the_last(self, coin: str) -> bool:
        path, orders = self.paths[coin], self.orders[coin]
        return orders > 0 and path.cycle(orders) == path.cycle(orders - 1) == self.last.get(coin)

    def check(self) -> None:
        """Errors: AssertionError when its thread has ended, as when the exchange's process has."""
        assert self._thread.is_alive(), "the market stands still: its thread has ended"

    def cycle(self, coin: str) -> int:
        """The cycle that the coin's next order belongs to."""
        return self.paths[coin].cycle(self.orders[coin])

    def _run(self) -> None:
        while not self._stopping.wait(_FRESH_S):
            self.tell()


class Campaign:
    """One database, one exchange, many lives of the engine."""

    def __init__(self, proxy: Proxy, market: Market, folder: Path, seed: int, quick: bool) -> None:
        self.proxy, self.market, self.folder = proxy, market, folder
        self._quick = {"MTRADE_TEST_QUICK": "1"} if quick else {}
        self.rng = random.Random(seed)
        self.story = Story(seed)
        self.lives = 0
        self._start_s = 1.0
        self.coins = tuple(market.paths)

    @property
    def database(self) -> Path:
        """Where the journal is."""
        return self.folder / "data" / "sandbox.sqlite3"

    def live(self, point: str = "", nth: int = 1, *, wait: bool = True) -> Serving:
        """Start the engine; `point`: where it kills itself."""
        self.lives += 1
        return Serving(
            "--mode",
            "sandbox",
            "--data-dir",
            str(self.folder / "data"),
            log=self.folder / f"serve-{self.lives:04}.log",
            program=("-m", "tests.dying", point or "never", str(nth)) if point or self._quick else (DOOR,),
            wait=wait,
            token=TOKEN,
            GATE_HOST=self.proxy.url,
            API_KEY=KEY,
            API_SECRET=SECRET,
            AVAILABLE_SYMBOLS=",".join(self.coins),
            **self._quick,
        )

    def set_up(self) -> None:
        """A first life in which a person sets the engine up. Ends in peace, with every coin switched on."""
        began_s = time.monotonic()
        with self.live() as engine:
            self._start_s = time.monotonic() - began_s
            engine.post("/api/trade/params", rebuy_pause_s="0")
            engine.post("/api/order_limits", **LIMITS_OFF)
            for coin in self.coins:
                engine.post("/api/autotrader/switch", base_currency=coin, mode="on")
            self._peace(engine)

    def kill(self, kills: int, points: Sequence[str]) -> None:
        """That many lives, each ended by force, by chance; if they are enough, at each of the points at least once."""
        for left in range(kills, 0, -1):
            self.market.check()
            self.market.at_once = _AT_ONCE
            if len(self._in_doubt()) >= len(self.coins) * 0.7:
                self._rest()
            missing = [name for name in points if not self.story.kills[f"point-{name}"]]
            if left <= len(missing) + 2:
                self._life(f"point-{missing[0]}" if missing else "any-time", patient=True)
            else:
                self._life(self.rng.choices(tuple(KINDS), tuple(KINDS.values()))[0])
        self.market.at_once = 0

    def finish(self, cycles: Mapping[str, int] | None = None) -> dict[str, int]:
        """A last life: every coin ends its cycle and is off. Returns how many cycles each coin walked.

        `cycles`: so many; by default each ends with the cycle that it is in, or begins next.
        """
        wanted = dict(cycles or dict.fromkeys(self.coins, 1))
        with self.live() as engine:
            asked: set[str] = set()

            def all_over() -> bool:
                self.market.check()
                states = engine.get("/api/autotrader/stats")["cycles"]
                for coin in set(self.coins) - asked:
                    if cycles is None:
                        wanted[coin] = states[coin]["completed_cycles"] + 1
                    # Said while the last cycle runs: it then is the last.
                    if states[coin]["state"] == "ACTIVE" and states[coin]["completed_cycles"] == wanted[coin] - 1:
                        engine.post("/api/autotrader/switch", base_currency=coin, mode="finish")
                        asked.add(coin)
                        self.market.last.pop(coin, None)
                return all(states[coin]["switch"] == "off" for coin in self.coins)

            try:
                engine.until("every coin has finished", all_over, _DONE_S)
            except AssertionError as error:
                state = {coin: (wanted[coin], self.market.cycle(coin), engine.cycle(coin)) for coin in self.coins}
                raise AssertionError(f"seed {self.story.seed}: not finished: {state}") from error
            truth = engine.get("/api/overview")["truth"]
            assert truth["unknown_orders"] == [], truth
            self.told = {coin: engine.cycle(coin) for coin in self.coins}
            self._peace(engine)
        return {coin: cycle["completed_cycles"] for coin, cycle in self.told.items()}

    def _life(self, kind: str, *, patient: bool = False) -> None:
        """One life, and its end. `patient`: wait longer for a named place."""
        manner, _, what = kind.partition("-")
        if manner == "any":
            limit_s = self.rng.uniform(self._start_s / 2, self._start_s + _AFTER_START_S)
        else:
            limit_s = _PATIENT_S if patient else self._start_s + _POINT_LIMIT_S
        if manner == "point":
            self.proxy.add(*_LEADS_TO.get(what, ()))
            engine = self.live(
                what, 1 if patient or what == "after-load" else self.rng.choice((1, 1, 2, 3)), wait=False
            )
        else:
            engine = self.live(wait=False)
            if manner == "wire":
                self.proxy.on_moment = self._assassin(engine, what)
        ends_s = time.monotonic() + limit_s
        with engine:  # whatever ends the wait, Ctrl-C too
            while engine.process.poll() is None and time.monotonic() < ends_s:
                time.sleep(0.005)
            timed_out = engine.process.poll() is None and manner != "any"
            engine.kill()
        self.proxy.on_moment = None
        self.proxy.clear()
        assert engine.process.returncode not in (0, 1, 2), f"it ended by itself: {engine.log_path.read_text('utf-8')}"
        self.story.timed_out += timed_out
        self.story.kills[f"{kind} (timer)" if timed_out else kind] += 1
        self._keep(engine)

    def _assassin(self, engine: Serving, what: str) -> Callable[[Moment, Request], bool]:
        """Kills from the wire, on the proxy's thread, at the place that `what` names."""
        spared = self.rng.randrange(4 if what == "reading" else 2)
        pause_s = self.rng.uniform(0, 0.008)
        wanted = {"executed": Moment.CARRIED_OUT, "answered": Moment.ANSWERED, "reading": Moment.CARRIED_OUT}

        def moment(at: Moment, request: Request) -> bool:
            nonlocal spared
            reads = request.method == "GET" and request.path in ("/spot/my_trades", "/spot/orders", "/spot/accounts")
            hit = reads if what == "reading" else (request.method, request.path) == ("POST", "/spot/orders")
            if not hit or at is not wanted.get(what, Moment.ARRIVED):
                return False
            spared -= 1
            if spared >= 0:
                return False
            if what == "answered":
                time.sleep(pause_s)
            engine.process.kill()
            return what != "orphan"

        return moment

    def _rest(self) -> None:
        """Live until the orders in doubt are known, then die all the same."""
        self.story.rests += 1
        with self.live(wait=False) as engine:
            ends_s = time.monotonic() + _REST_S
            while time.monotonic() < ends_s and engine.process.poll() is None:
                if len(self._in_doubt()) <= 1:
                    break
                time.sleep(_FRESH_S)
            engine.kill()
            self._keep(engine)

    def _in_doubt(self) -> set[str]:
        """Coins with an order of unknown outcome; the market hears of them."""
        self.market.in_doubt = {pair.partition("_")[0] for pair in audit.markets_in_doubt(self.database)}
        return self.market.in_doubt

    def _peace(self, engine: Serving) -> None:
        assert engine.stop() == 0
        self._keep(engine)

    def _keep(self, engine: Serving) -> None:
        self.story.answers += engine.answers
        self.story.said += engine.said


@dataclass(frozen=True)
class End:
    """How a run ended: each coin's trades in order, the exchange's money, and what the engine said of each coin."""

    trades: Mapping[str, list[tuple[Side, Decimal, Decimal, Decimal]]]
    money: Mapping[str, Decimal]
    told: Mapping[str, tuple[object, ...]]


@dataclass(frozen=True)
class Run:
    """A run that is over. `account`: the exchange's books at its end; `walked`: how many cycles each coin did."""

    campaign: Campaign
    account: ToldAccount
    end: End
    walked: Mapping[str, int]


def end_of(campaign: Campaign, account: ToldAccount) -> End:
    """What may be compared with another run."""
    trades: dict[str, list[tuple[Side, Decimal, Decimal, Decimal]]] = {coin: [] for coin in campaign.coins}
    for one in account.trades:
        trades[one.pair.partition("_")[0]].append((one.side, one.amount, one.price, one.fee))
    money = {currency: account.total(currency) for currency in ("USDT", *campaign.coins)}
    facts = ("state", "switch", "paused", "completed_cycles", "realised_profit_quote", "held_base", "invested_quote")
    told = {coin: tuple(cycle[fact] for fact in facts) for coin, cycle in campaign.told.items()}
    return End(trades, money, told)


def run(
    folder: Path,
    *,
    seed: int,
    kills: int,
    coins: tuple[str, ...],
    cycles: Mapping[str, int] | None = None,
    points: Sequence[str] = tuple(POINTS),
    quick: bool = False,
) -> Run:
    """A whole run, killed at each of the `points` at least once if `kills` are enough.

    With `kills` 0 it is the reference for a run that walked `cycles`. `quick`: see `tests.dying`.
    """
    folder.mkdir(exist_ok=True)
    began_s = time.monotonic()
    with SimProcess(log=folder / "sim.log", balances=START_QUOTE, key=KEY, secret=SECRET, seed=5) as sim:
        with Proxy(sim.url, seed=seed) as proxy, Market(sim.control, coins) as market:
            market.last = {coin: number - 1 for coin, number in (cycles or {}).items()}
            campaign = Campaign(proxy, market, folder, seed, quick)
            campaign.set_up()
            campaign.kill(kills, points)
            walked = campaign.finish(cycles)
        account = sim.control.account()
        sim.end()
    campaign.story.said += sim.said
    campaign.story.seconds = time.monotonic() - began_s
    return Run(campaign, account, end_of(campaign, account), walked)
