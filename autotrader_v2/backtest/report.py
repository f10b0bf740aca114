"""A backtest as one HTML file that stands alone: no script, nothing fetched, charts inside."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from html import escape

from autotrader_v2.backtest.drawing import Line, Mark, Thinned, bar_chart, time_chart
from autotrader_v2.backtest.metrics import Metrics, Price, buy_and_hold, following, samples_of
from autotrader_v2.backtest.report_style import STYLE
from autotrader_v2.backtest.result import Rest, Result, Trade
from autotrader_v2.domain.ladder import BreakevenTable
from autotrader_v2.domain.money import HUNDRED

_MINUTE_MS, _HOUR_MS, _DAY_MS = 60_000, 3_600_000, 86_400_000
_LENGTHS = (
    ("under 10 min", 10 * _MINUTE_MS),
    ("10 min to 1 h", _HOUR_MS),
    ("1 to 6 h", 6 * _HOUR_MS),
    ("6 to 24 h", _DAY_MS),
    ("1 to 3 days", 3 * _DAY_MS),
    ("3 to 7 days", 7 * _DAY_MS),
    ("7 to 30 days", 30 * _DAY_MS),
    ("30 to 90 days", 90 * _DAY_MS),
)
_LONGER = "longer"
_GAPS_SHOWN = 200
_FEW_CYCLES = 30

# The same as "Where they mislead" of docs/BACKTESTING.md; a test holds them together.
WARNINGS = (
    (
        "Almost every closed cycle wins",
        "because a ladder sells only at a profit. The loss sits in the open cycle. Look at the profit with the coins"
        " still held, at the drawdown and at the time under water, not at the share of cycles won.",
    ),
    (
        "One stretch of one coin proves little.",
        "A ladder tuned on a file fits that file.",
    ),
    ("Coins that died are missing", "from most collections: what is recorded is what survived."),
    (
        "The way inside a candle is a guess.",
        "Of a candle that touches both the next step and the sale, the order of the two is drawn. Smaller candles leave"
        " less to guess.",
    ),
    ("Drawdown inside a candle", "is not seen, only at its end."),
    (
        "Other exchange, other spread.",
        "Candles of one exchange stand in for another's; real spreads widen in a crash, these do not, and the depth"
        " does not thin out.",
    ),
    ("Ticks and minimums are of today", "not of the day of the candle."),
    ("Your orders move no price.", "With large amounts against a small coin the real result is worse."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataUsed:
    """A file that was played, of which `candles` were in the time asked for. `end_ms`: when its last one begins."""

    symbol: str
    name: str
    candles: int
    begin_ms: int
    end_ms: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a report tells beside the result. `prices` in order of time; `gaps` by symbol, (from, to) in ms.

    `figures` are the rows of the table of metrics, `ladder` each parameter with its value, `tables` the ladder of each
    symbol at its first price (or why there is none), `command` what repeats it, `not_bought` why nothing was.
    """

    engine: str
    version: str
    command: str
    figures: Sequence[tuple[str, str]]
    ladder: Sequence[tuple[str, str]]
    tables: Mapping[str, BreakevenTable | str]
    files: Sequence[DataUsed]
    gaps: Mapping[str, Sequence[tuple[int, int]]]
    prices: Sequence[Price]
    fee: Decimal
    not_bought: Sequence[str] = ()


def html_of(result: Result, metrics: Metrics, story: Story) -> str:
    """The whole file. Every name that comes from outside is escaped."""
    symbols = sorted(result.coins)
    title = f"Backtest of {', '.join(symbols)}"
    shown = sorted(_by_symbol(story.prices).items())
    prices = "".join(_price(symbol, *one, result.trades, story) for symbol, one in shown)
    sections = (
        f"<header><h1>{escape(title)}</h1><p>{_when(metrics.begin_ms)} to {_when(metrics.end_ms)} UTC, engine"
        f" {escape(story.engine)}, mTrade {escape(story.version)}</p></header>",
        _notes(metrics, story),
        f"<section><h2>Figures</h2>{_pairs(story.figures)}</section>",
        f"<section><h2>Account</h2>{_account(result, metrics, story)}</section>",
        f"<section><h2>Price and fills</h2>{prices}</section>",
        f"<section><h2>Cycles</h2>{_cycles(result, metrics)}</section>",
        f"<section><h2>Ladder</h2>{_pairs(story.ladder)}{''.join(_table(*one) for one in story.tables.items())}"
        "</section>",
        f"<section><h2>Data</h2>{_data(story)}</section>",
        "<section><h2>Where these figures mislead</h2><ul>"
        + "".join(f"<li><b>{escape(head)}</b> {escape(rest)}</li>" for head, rest in WARNINGS)
        + "</ul></section>",
        f"<section><h2>To repeat it</h2><pre>{escape(story.command)}</pre></section>",
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme"'
        f' content="dark light"><title>{escape(title)}</title><style>{STYLE}</style></head><body><main>\n'
        + "\n".join(sections)
        + "\n</main></body></html>\n"
    )


def cycle_lengths(trades: Sequence[Trade]) -> list[int]:
    """How long each closed cycle lasted, from its first trade to its last sale, in ms."""
    first: dict[tuple[str, int], int] = {}
    last: dict[tuple[str, int], Trade] = {}
    for trade in trades:
        key = trade.symbol, trade.cycle_id
        first.setdefault(key, trade.ts_ms)
        last[key] = trade
        if trade.rest is Rest.RESTARTED:
            first[following(trade)] = trade.ts_ms
    return [
        trade.ts_ms - first[key] for key, trade in last.items() if trade.side == "sell" and trade.rest is not Rest.HELD
    ]


def _notes(metrics: Metrics, story: Story) -> str:
    """What of this very run must be known before its figures are believed."""
    notes = [f"Nothing was bought: {line}." for line in story.not_bought]
    if metrics.cycles_closed < _FEW_CYCLES:
        notes.append(f"Only {metrics.cycles_closed} cycles closed: too few to tell skill from luck.")
    if metrics.cycles_open:
        open_result, one = metrics.pnl - metrics.realised, metrics.cycles_open == 1
        stand = "cycle is still open and stands" if one else "cycles are still open and stand"
        notes.append(f"{metrics.cycles_open} {stand} at {open_result:,.2f}; the profit counts that.")
    if metrics.unpaid:
        notes.append(f"{metrics.unpaid} buys were wanted and could not be paid: this ladder is larger than its budget.")
    gaps = sum(map(len, story.gaps.values()))
    if gaps:
        notes.append(f"The data has {gaps} gap{'' if gaps == 1 else 's'}; nothing was traded there.")
    return (
        f'<section class="notes"><ul>{"".join(f"<li>{escape(note)}</li>" for note in notes)}</ul></section>'
        if notes
        else ""
    )


def _account(result: Result, metrics: Metrics, story: Story) -> str:
    span_ms = metrics.begin_ms, metrics.end_ms
    equity, fall, invested, held = (Thinned(*span_ms) for _ in range(4))
    peak = result.budget
    for one in samples_of(result.budget, result.trades, story.prices):
        peak = max(peak, one.equity)
        equity.add(one.at_ms, float(one.equity))
        fall.add(one.at_ms, float((one.equity - peak) * HUNDRED / peak) if peak else 0.0)
        invested.add(one.at_ms, float(one.invested))
    for one in samples_of(
        result.budget, buy_and_hold(result.budget, story.prices, sorted(result.coins), story.fee), story.prices
    ):
        held.add(one.at_ms, float(one.equity))
    quote = story.prices[0].symbol.partition("_")[2]
    return (
        time_chart(
            "Equity",
            quote,
            [Line("ladder", "main", equity.points()), Line("buy and hold", "other", held.points())],
            span_ms=span_ms,
        )
        + time_chart("Drawdown", "%", [Line("drawdown", "fall", fall.points())], span_ms=span_ms, filled=True)
        + time_chart(
            "In coins of open cycles", quote, [Line("paid", "main", invested.points())], span_ms=span_ms, filled=True
        )
    )


def _by_symbol(prices: Sequence[Price]) -> dict[str, tuple[tuple[int, int], Thinned]]:
    """Each symbol's span and its prices, thinned."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for one in prices:
        first.setdefault(one.symbol, one.at_ms)
        last[one.symbol] = one.at_ms
    found = {symbol: ((begin_ms, last[symbol]), Thinned(begin_ms, last[symbol])) for symbol, begin_ms in first.items()}
    for one in prices:
        found[one.symbol][1].add(one.at_ms, float(one.price))
    return found


def _price(symbol: str, span_ms: tuple[int, int], price: Thinned, trades: Sequence[Trade], story: Story) -> str:
    fills = [one for one in trades if one.symbol == symbol]
    chart = time_chart(
        symbol,
        f"{symbol.partition('_')[2]}, price at the end of each candle",
        [Line("price", "other", price.points())],
        span_ms=span_ms,
        marks=[Mark(one.ts_ms, float(one.price), one.side == "buy") for one in fills],
        holes=story.gaps.get(symbol, ()),
    )
    buys = sum(one.side == "buy" for one in fills)
    shown = len(price.points())
    thinned = (
        f" {price.taken} candles are drawn as {shown} points, highest and lowest of each pixel kept."
        if shown < price.taken
        else ""
    )
    return f"{chart}<p>{buys} buys, {len(fills) - buys} sales.{thinned}</p>"


def _cycles(result: Result, metrics: Metrics) -> str:
    counts = Counter(
        next((name for name, below in _LENGTHS if ms < below), _LONGER) for ms in cycle_lengths(result.trades)
    )
    steps = range(result.ladder_steps + 1)
    return (
        bar_chart(
            "How long cycles lasted",
            "closed cycles, from first buy to sale",
            [(name, counts[name]) for name in (*(name for name, _ in _LENGTHS), _LONGER)],
        )
        + bar_chart(
            "How deep they went",
            "cycles by deepest step, open ones included; 0 is the start buy",
            [(str(step), metrics.deepest.get(step, 0)) for step in steps],
        )
        + (f"<p>{metrics.cycles_open} still open at the end.</p>" if metrics.cycles_open else "")
    )


def _table(symbol: str, table: BreakevenTable | str) -> str:
    if isinstance(table, str):
        return f"<p>{escape(symbol)}: {escape(table)}</p>"
    heads = ("Step", "Price", "Below start", "Buy", "Invested", "Breakeven", "Take-profit", "Profit")
    rows = []
    for row in table.rows:
        cells = row.as_json()
        values = (
            cells["step"],
            cells["price"],
            f"{row.drop_total_pct:.2f} %",
            cells["quote"],
            f"{row.invested:,.2f}",
            cells["breakeven"],
            cells["take_profit"],
            f"{row.profit_quote:,.2f}",
        )
        rows.append("<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in values) + "</tr>")
    return (
        f'<div class="wide"><table class="rows"><caption>{escape(symbol)} at its first price; the whole ladder costs'
        f" {table.cost:,.2f}</caption><thead><tr>{''.join(f'<th scope=col>{head}</th>' for head in heads)}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _data(story: Story) -> str:
    files = "".join(
        f"<tr><td>{escape(one.name)}</td><td>{one.candles}</td><td>{_when(one.begin_ms)}</td><td>{_when(one.end_ms)}</td>"
        f"<td><code>{one.sha256[:16]}</code></td></tr>"
        for one in story.files
    )
    gaps = [(symbol, *gap) for symbol, all_of in story.gaps.items() for gap in all_of]
    listed = "".join(
        f"<li>{escape(symbol)}: {_when(begin)} to {_when(end)}</li>" for symbol, begin, end in gaps[:_GAPS_SHOWN]
    )
    more = f"<li>and {len(gaps) - _GAPS_SHOWN} more</li>" if len(gaps) > _GAPS_SHOWN else ""
    return (
        '<div class="wide"><table class="rows"><thead><tr><th scope=col>File</th><th scope=col>Candles</th>'
        "<th scope=col>From</th><th scope=col>Last</th><th scope=col>SHA-256 begins</th></tr></thead>"
        f"<tbody>{files}</tbody></table></div>"
        + (
            f"<details><summary>{len(gaps)} gaps</summary><ul>{listed}{more}</ul></details>"
            if gaps
            else "<p>No gaps.</p>"
        )
    )


def _pairs(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(
        f'<tr><th scope="row">{escape(name.strip())}</th><td>{escape(value)}</td></tr>' for name, value in rows
    )
    return f'<table class="pairs"><tbody>{cells}</tbody></table>'


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
