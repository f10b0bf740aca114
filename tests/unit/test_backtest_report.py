"""The HTML report: it stands alone, escapes what comes from outside, and draws no extreme away."""

import hashlib
import re
import shlex
import subprocess
import sys
from decimal import Decimal as D
from html.parser import HTMLParser
from pathlib import Path

import pytest

from autotrader_v2.app.backtest_report import ladder_words
from autotrader_v2.backtest.drawing import Line, Mark, Thinned, bar_chart, nice_ticks, time_chart
from autotrader_v2.backtest.report import WARNINGS, cycle_lengths
from autotrader_v2.backtest.result import Trade
from autotrader_v2.domain.ladder import LadderParams, changed

_ROOT = Path(__file__).resolve().parents[2]
_VOID = {"meta", "path", "rect"}


class _Reader(HTMLParser):
    """Counts tags and keeps what a browser would fetch; fails on a tag that is not closed in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta",):
            self.open.append(tag)
        self.fetched += [f"{name}={value}" for name, value in attrs if name in ("src", "href", "srcset", "data")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(path: Path) -> _Reader:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert not reader.open
    return reader


def _candles(path: Path, *, gap: bool = False) -> Path:
    rows, price = ["timestamp_ms,open,high,low,close"], D(100)
    for number in range(200):
        after = price + (D("-0.05") if number < 100 else D("0.06"))
        at_ms = 1_640_995_200_000 + 60_000 * (number + (45 if gap and number >= 100 else 0))
        rows.append(f"{at_ms},{price},{max(price, after)},{min(price, after)},{after}")
        price = after
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(_ROOT / "mTrade.py"), "backtest", *words]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)


def test_the_report_stands_alone_tells_its_data_and_repeats_itself(tmp_path: Path) -> None:
    folder = tmp_path / "a b & 'c'"
    folder.mkdir()
    # Windows allows no < > in names; what is escaped there is the ampersand.
    name = "LTC_USDT_1m_&lt.csv" if sys.platform == "win32" else "LTC_USDT_1m_<img src=x onerror=alert(1)>.csv"
    ltc, doge = _candles(folder / name, gap=True), _candles(folder / "DOGE_USDT_1m.csv")
    out = tmp_path / "out.html"
    done = _run(
        "--data", str(folder), "--set", "drop_step_pct=1", "--budget", "300", "--engine", "exact", "--report", str(out)
    )
    assert done.returncode == 0, done.stderr
    page = _read(out)
    assert "script" not in page.tags and "img" not in page.tags and "link" not in page.tags
    assert page.fetched == [] and "url(" not in out.read_text(encoding="utf-8")
    # Equity, drawdown, capital, a price for each coin, two histograms.
    assert page.tags.count("svg") == 3 + 2 + 2
    assert ltc.name in page.text and doge.name in page.text
    for file in (ltc, doge):
        assert hashlib.sha256(file.read_bytes()).hexdigest()[:16] in page.text
    assert "LTC_USDT: 2022-01-01 01:40 to 2022-01-01 02:25" in page.text and "The data has 1 gap;" in page.text
    assert "Worst drawdown" in page.text and "drop_step_pct" in page.text
    if sys.platform != "win32":
        (command,) = re.findall(r"python3 mTrade\.py backtest .*", page.text)
        again = _run(*shlex.split(command)[3:], "--report", str(tmp_path / "again.html"))
        assert again.returncode == 0, again.stderr
        assert (tmp_path / "again.html").read_bytes() == out.read_bytes()


def test_a_report_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = _candles(tmp_path / "LTC_USDT_1m.csv")
    for out in (tmp_path, tmp_path / "nowhere" / "out.html"):
        done = _run("--data", str(path), "--report", str(out))
        assert done.returncode == 2 and "--report" in done.stderr and "Traceback" not in done.stderr


def test_a_report_never_takes_the_place_of_candles(tmp_path: Path) -> None:
    """A slip of the hand overwrote the file of candles itself."""
    path = _candles(tmp_path / "LTC_USDT_1m.csv")
    before = path.read_bytes()
    done = _run("--data", str(path), "--report", str(path))
    assert done.returncode == 2 and "must end in .html" in done.stderr
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="files there have no limit of size")
def test_a_report_that_ends_half_written_leaves_the_one_before(tmp_path: Path) -> None:
    """As on a full disk: it was cut, and the old one lost."""
    path, out = _candles(tmp_path / "LTC_USDT_1m.csv"), tmp_path / "out.html"
    out.write_text("the one before")
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        "from autotrader_v2.app.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ("backtest", "--data", str(path), "--engine", "exact", "--report", str(out))
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, cwd=_ROOT, timeout=120, check=False
    )
    assert done.returncode == 1 and "could not be written" in done.stderr, done.stderr
    assert "Profit after fees" in done.stdout
    assert out.read_text() == "the one before" and sorted(tmp_path.iterdir()) == sorted([path, out])


def test_the_reports_warnings_are_those_of_the_documentation() -> None:
    told = (_ROOT / "docs" / "BACKTESTING.md").read_text(encoding="utf-8").partition("## Where they mislead")[2]
    told = told.partition("\n## ")[0]
    heads = re.findall(r"^- \*\*(.+?)\*\*", told, re.MULTILINE)
    assert heads == [head for head, _ in WARNINGS]


def test_every_ladder_parameter_is_spelled_so_that_it_is_read_back() -> None:
    params = changed(
        LadderParams(), {"steps": "2", "size_mode": "custom", "sizes": "10,20.5,30", "drop_reference": "start"}
    )
    assert changed(LadderParams(), dict(ladder_words(params))) == params


def test_thinning_keeps_the_extremes_the_ends_and_the_order_of_time() -> None:
    thinned = Thinned(0, 1_000_000)
    values = [(at_ms, (at_ms * 7919 % 1009) / 7) for at_ms in range(0, 1_000_001, 10)]
    for one in values:
        thinned.add(*one)
    kept = thinned.points()
    assert thinned.taken == len(values) and len(kept) < 4_000
    assert kept == sorted(set(kept)) and set(kept) <= set(values)
    assert (kept[0], kept[-1]) == (values[0], values[-1])
    for begin in range(0, 1_000_000, 50_000):
        # Of each stretch the highest and the lowest are still there.
        part = [value for at_ms, value in values if begin <= at_ms < begin + 50_000]
        shown = [value for at_ms, value in kept if begin <= at_ms < begin + 50_000]
        assert (min(shown), max(shown)) == (min(part), max(part))


def test_few_points_are_all_kept() -> None:
    thinned = Thinned(0, 100)
    points = [(at_ms, float(at_ms % 3)) for at_ms in range(0, 101, 10)]
    for one in points:
        thinned.add(*one)
    assert thinned.points() == points


def test_the_pen_is_lifted_over_a_gap_and_only_there() -> None:
    points = [(at_ms, 1.0 + at_ms % 2) for at_ms in range(400)] + [(at_ms, 1.0) for at_ms in range(600, 1000)]
    chart = time_chart("T", "", [Line("a", "main", points)], span_ms=(0, 999), holes=[(399, 600)])
    path = re.search(r'class="line main" d="([^"]+)"', chart)
    assert path is not None and path[1].count("M") == 2 and chart.count('class="hole"') == 1


def test_marks_on_one_spot_are_drawn_once_and_flat_or_empty_charts_are_drawn() -> None:
    marks = [Mark(5, 1.0, True), Mark(5, 1.0, True), Mark(5, 1.0, False)]
    chart = time_chart("<&>", "u", [Line("a", "main", [(0, 1.0), (10, 1.0)])], span_ms=(0, 10), marks=marks)
    assert chart.count('<path class="buy"') == 1 and chart.count('<path class="sell"') == 1
    assert "&lt;&amp;&gt;" in chart and "nan" not in chart
    assert "<svg" in time_chart("T", "", [Line("a", "main", [])], span_ms=(5, 5))
    assert ">0</text>" in bar_chart("T", "", [("x", 0)]) and "<svg" in bar_chart("T", "", [])


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-13.7, 0.0), (0.05, 69_000.0), (1e-8, 3e-8), (5.0, 5.0)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    ticks = nice_ticks(low, high, 5)
    assert 1 <= len(ticks) <= 7
    assert all(low <= tick <= high for tick in ticks)


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 cycle is still open and stands at"), (2, "2 cycles are still open and stand at")]
)
def test_open_cycles_are_told_in_right_grammar(tmp_path: Path, count: int, words: str) -> None:
    for coin in ("LTC", "ADA")[:count]:
        _candles(tmp_path / f"{coin}_USDT_1m.csv")
    report = tmp_path / "report.html"
    done = _run("--data", str(tmp_path), "--set", "profit_pct=50", "--report", str(report))
    assert done.returncode == 0, done.stderr
    assert words in _read(report).text


def test_a_cycle_lasts_from_its_first_buy_to_its_last_sale() -> None:
    def trade(ts_ms: int, side: str, cycle: int) -> Trade:
        return Trade(
            ts_ms=ts_ms, symbol="A_B", side=side, step=0, base=D(1), quote=D(1), fee=D(0), fee_currency="B",
            cycle_id=cycle,
        )  # fmt: skip

    trades = [trade(1, "buy", 1), trade(4, "buy", 1), trade(10, "sell", 1), trade(20, "buy", 2)]
    assert cycle_lengths(trades) == [9]
