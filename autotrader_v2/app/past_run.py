"""The trading engine run on from a moment of the past: with its open cycles, over recorded prices."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from autotrader_v2.app.backtest_data import PaperOutside, open_tapes
from autotrader_v2.app.past_state import PastMarket
from autotrader_v2.app.recordings import quote_files, utc
from autotrader_v2.application.events import Record
from autotrader_v2.application.ports import Clock
from autotrader_v2.backtest.exact import run_exact
from autotrader_v2.backtest.heads import Tape
from autotrader_v2.backtest.result import Result
from autotrader_v2.domain.cycle import Active, TermsChanged
from autotrader_v2.domain.ladder import LadderParams, changed
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import ZERO, plain
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.infrastructure.feeds.errors import SourceEmpty
from autotrader_v2.infrastructure.feeds.quote_tape import QuoteTape
from autotrader_v2.infrastructure.feeds.recorded_quotes import quote_of
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.infrastructure.store.past import Past
from autotrader_v2.simulation.journal import MemoryJournal, Store


class BegunOutside(PaperOutside):
    """The paper exchange and a journal in memory as they stood: what cycles hold is in the account."""

    def __init__(
        self,
        rules: Sequence[MarketRules],
        free: Decimal,
        markets: Sequence[PastMarket],
        ladders: Mapping[Market, LadderParams],
        at_ms: int,
        changes: Mapping[str, str],
        switched: bool,
    ) -> None:
        super().__init__(rules, free)
        self._markets, self._ladders, self._at_ms = markets, ladders, at_ms
        self._changes, self._switched = changes, switched
        self.coins = {one.market.base: _held(one, at_ms) for one in markets}

    def exchange(self, clock: Clock) -> PaperExchange:
        """See `Made`."""
        balances = {self._rules[0].market.quote: self._budget} | {
            base: held for base, held in self.coins.items() if held
        }
        return PaperExchange(self._rules, balances, clock=clock, first_id=1)

    def journal(self, on_write: Callable[[Sequence[Record]], None]) -> MemoryJournal:
        """See `Made`."""
        store = Store()
        for one in self._markets:
            events = [past.event for past in one.events if past.time_ms <= self._at_ms]
            cycle = one.cycle_at(self._at_ms)
            if self._changes and isinstance(cycle, Active):
                events.append(TermsChanged(params=changed(cycle.params, dict(self._changes)), rules=cycle.rules))
            if events:
                store.events[one.market] = events
            store.params[one.market] = asdict(self._ladders[one.market])
            if self._switched:
                store.switches[one.market] = one.mode_at(self._at_ms)

        def boundary(records: Sequence[Record], written: bool) -> None:
            if written:
                on_write(records)

        return MemoryJournal(store, boundary)


@dataclass(frozen=True, slots=True)
class Money:
    """What a run begins with. `read_ms`: when the journal's reading was taken; None: it was given."""

    free: Decimal
    read_ms: int | None = None

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"free": plain(self.free), "read_ms": self.read_ms}


def money_words(told: Mapping[str, Any]) -> str:
    """How much it is and where that is from."""
    if told["read_ms"] is None:
        return f"Begun with {told['free']}, as --budget says."
    return f"Begun with {told['free']}: what the account had, by the journal's reading of {utc(told['read_ms'])} UTC."


def seed_words(seed: int | None) -> str:
    """Which way prices went inside the candles; empty where recorded prices were played."""
    return (
        "" if seed is None else f"Prices inside a candle go the way of seed {seed}: give the SEED it was traded with.\n"
    )


def money_at(past: Past, given: Decimal | None, markets: Sequence[PastMarket], at_ms: int) -> Money:
    """What was given, else what the journal tells of that time. Errors: ValueError where it tells nothing."""
    if given is not None:
        return Money(given)
    known = past.money_at(markets[0].market.quote, at_ms) if markets else None
    if known is None or known.amount <= 0:
        raise ValueError("The journal tells of no money at that time; say with --budget how much was free.")
    return Money(known.amount, known.read_ms)


def quotes_in(folder: Path, market: Market, from_ms: int, to_ms: int) -> Iterator[Quote]:
    """Recorded prices of that time, in order; none when nothing was recorded. Errors: `SourceUnreadable`, OSError."""
    return (quote_of(market, row) for row in quote_files(folder).rows(market.pair, from_ms, to_ms))


def told_unused(tapes: Sequence[Tape]) -> list[str]:
    """What was not used of candle files that overlap, for people."""
    candles = [tape for tape in tapes if isinstance(tape, CandleTape)]
    return [one.told(tape.market.pair) for tape in candles for one in tape.unused]


class Prices(NamedTuple):
    """What a stretch of the past is played with.

    `leave_out`: whether prices that decide nothing may be left out. `to_ms`: where it ends, not included.
    """

    tapes: Sequence[Tape]
    rules: Sequence[MarketRules]
    leave_out: bool
    to_ms: int


def tapes_of(
    markets: Sequence[PastMarket],
    data: Path | None,
    recorded: Path,
    from_ms: int,
    to_ms: int,
    seed: int,
) -> Prices:
    """Prices of these markets in that time, and the markets' rules.

    `data`: candles, up to the one that `to_ms` would cut; without it the recorded quotes. Markets
    without prices or known rules are left out. Errors: the `SourceError` family, OSError.
    """
    tapes: list[Tape] = []
    rules: list[MarketRules] = []
    candles = {}
    if data is not None:
        candles = {tape.market.pair: tape for tape in open_tapes(data, from_ms=from_ms, to_ms=to_ms)[0]}
        to_ms = _between_candles([candles[one.market.pair] for one in markets if one.market.pair in candles], to_ms)
    for one in markets:
        rule = one.rules_at(from_ms)
        if rule is None:
            continue
        tape: Tape
        if data is None:
            tape = QuoteTape(quotes_in(recorded, one.market, from_ms, to_ms), one.market, rule.tick)
        elif (found := candles.get(one.market.pair)) is not None:
            tape = CandleTape(found.files, one.market, rule.tick, seed=seed, from_ms=from_ms, to_ms=to_ms)
            tape.unused = found.unused
        else:
            continue
        if len(tape):
            tapes.append(tape)
            rules.append(rule)
    if not tapes:
        where = data if data is not None else recorded
        raise SourceEmpty(
            f"{where} holds no prices of that time for the journal's markets.",
            do="Record them (`record`), or name candles of that time with --data.",
        )
    return Prices(tapes, rules, data is not None, to_ms)


def _between_candles(tapes: Sequence[CandleTape], to_ms: int) -> int:
    """The newest moment until that one at which no candle has begun without having ended."""
    while True:
        begun = [(tape, bisect_left(tape.open_ms, to_ms) - 1) for tape in tapes]
        cut = [
            tape.open_ms[newest]
            for tape, newest in begun
            if newest >= 0 and tape.open_ms[newest] + tape.interval_ms[newest] > to_ms
        ]
        if not cut:
            return to_ms
        to_ms = min(cut)


def run_from(
    markets: Sequence[PastMarket],
    prices: Prices,
    *,
    at_ms: int,
    changes: Mapping[str, str],
    free: Decimal,
    switched: bool = False,
) -> tuple[Result, BegunOutside]:
    """Let the engine go on from that moment over these prices, each market with its own ladder of when they begin.

    `changes` act on open cycles and on new ones; `free`: the money not in coins. `switched`: the markets' switches of
    that moment hold, otherwise all are on. Errors: `BacktestFailed`, ValueError.
    """
    first_ms = {tape.market: tape.open_ms[0] for tape in prices.tapes}
    begun = [one for one in markets if one.market in first_ms]
    ladders = {one.market: changed(one.params_at(first_ms[one.market]), dict(changes)) for one in begun}
    outside = BegunOutside(prices.rules, free, begun, ladders, at_ms, changes, switched)
    common = ladders[begun[0].market]
    return run_exact(prices.tapes, common, free, outside, leave_out=prices.leave_out), outside


def run_compiled_from(
    markets: Sequence[PastMarket],
    tapes: Sequence[Tape],
    rules: Sequence[MarketRules],
    *,
    at_ms: int,
    params: LadderParams,
    free: Decimal,
) -> Result:
    """The same by the compiled machine, which begins without coins and plays candles only.

    Cycles are counted on from those of the journal. Errors: `NotCovered`, `BacktestFailed`, ValueError.
    """
    from autotrader_v2.backtest.compiled import run_compiled
    from autotrader_v2.backtest.prepared import NotCovered, prepare

    last_cycle: dict[str, int] = {}
    for one in markets:
        cycle = one.cycle_at(at_ms)
        if isinstance(cycle, Active) or _held(one, at_ms):
            raise NotCovered(f"{one.market}: the day begins with coins of a cycle or their dust")
        last_cycle[one.market.pair] = cycle.tally.last_cycle_id
    prepared = []
    for tape, rule in zip(tapes, rules, strict=True):
        if not isinstance(tape, CandleTape):
            raise NotCovered("recorded prices are no candles (--data names some)")
        prepared.append(prepare(tape, rule))
    result = run_compiled(prepared, params, free)
    trades = tuple(one._replace(cycle_id=one.cycle_id + last_cycle[one.symbol]) for one in result.trades)
    unpaid = tuple(replace(one, cycle_id=one.cycle_id + last_cycle[one.symbol]) for one in result.unpaid)
    return replace(result, trades=trades, unpaid=unpaid)


def _held(one: PastMarket, at_ms: int) -> Decimal:
    cycle = one.cycle_at(at_ms)
    held = cycle.held if isinstance(cycle, Active) else ZERO
    return held + cycle.tally.dust.coins + cycle.tally.ignored
