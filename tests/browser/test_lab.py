"""The Lab on the page: choose, run, see, compare, name, delete, apply through the preview; the past before a switch."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.screens import go
from tests.browser.served import Served
from tests.lab_files import BEGIN_MS, WAITS, a_file, a_study, a_worker, waves

Open = Callable[..., Page]

# The first run of all compiles the rules.
_FIRST_MS = 240_000

pytestmark = pytest.mark.browser


@pytest.fixture
def candles(served: Served) -> None:
    """A day and a half of BTC and of ETH, as a person put them there."""
    folder = served.engine.folder / "candles"
    a_file(folder, "BTC_USDT_5m.csv", waves())
    a_file(folder, "ETH_USDT_5m.csv", [round(one / 10, 2) for one in waves()])
    a_file(folder, "broken_USDT_5m.csv", [])


def lab(page: Page) -> Page:
    go(page, "#/lab")
    page.locator("#field-steps").wait_for()
    return page


def run(page: Page, label: str = "Run") -> None:
    """Press it and see a result on top of the list."""
    before = page.get_by_test_id("runs").locator("tr[data-status=done]").count()
    page.get_by_role("button", name=label, exact=True).click()
    expect(page.get_by_test_id("runs").locator("tr[data-status=done]")).to_have_count(before + 1, timeout=_FIRST_MS)
    expect(page.get_by_test_id("lab-strip")).to_be_visible()


def test_a_person_without_candles_is_told_how_to_get_some(open_page: Open) -> None:
    """The folder by its name, and the command."""
    page = open_page()
    go(page, "#/lab")
    expect(page.locator("#lab-form")).to_contain_text("fetch-candles")
    expect(page.locator("#lab-form")).to_contain_text("candles")


@pytest.mark.usefixtures("candles")
def test_choose_run_see_compare_name_delete(served: Served, open_page: Open) -> None:
    """The whole way of a run; what is kept survives a reload."""
    page = lab(open_page())
    expect(page.locator("#lab-form")).to_contain_text("399 candles")
    expect(page.locator("#lab-form")).to_contain_text("1 file cannot be used")
    run(page)
    expect(page.get_by_test_id("lab-chart")).to_have_attribute("data-marks", re.compile("^[1-9]"))
    expect(page.get_by_test_id("lab-chart").locator("canvas").first).to_be_visible()
    expect(page.get_by_test_id("figures")).to_contain_text("Ran dry")
    expect(page.locator("main")).to_contain_text("Where this misleads")
    # Another ladder with a name, over other candles, beside the first.
    page.locator("#field-drop_step_pct").fill("0,5")
    expect(page.locator("#lab-form")).to_contain_text("was 1.5")
    page.get_by_role("button", name="ETH/USDT").click()
    page.locator("#lab-name").fill("tight")
    run(page)
    expect(page.get_by_role("heading", name="tight")).to_be_visible()
    page.get_by_role("checkbox").nth(1).check()
    expect(page.get_by_test_id("figures").locator("thead th")).to_have_count(5)
    expect(page.get_by_test_id("figures")).to_contain_text("other candles")
    page.get_by_role("textbox", name="Name", exact=True).last.fill("tighter")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_test_id("runs")).to_contain_text("tighter")
    page.reload()
    expect(page.get_by_test_id("runs")).to_contain_text("tighter")
    page.get_by_role("button", name="Delete").last.click()
    expect(page.get_by_test_id("runs")).not_to_contain_text("tighter")


@pytest.mark.usefixtures("candles")
def test_a_ladder_of_the_lab_is_applied_through_the_preview(served: Served, open_page: Open) -> None:
    """Nothing changes before a person has seen the changes and pressed Apply."""
    page = lab(open_page())
    page.locator("#field-drop_step_pct").fill("2.5")
    run(page)
    page.get_by_role("button", name="Apply to BTC").click()
    ladder = page.locator("#ladder")
    expect(ladder.locator("#field-drop_step_pct")).to_have_value("2.5")
    expect(ladder).to_contain_text("was 1.5")
    expect(ladder.locator(".outlook")).to_be_visible()
    assert served.engine.desk.params("BTC")["own"] == {}
    ladder.get_by_role("button", name="Apply").click()
    served.engine.until("applied", lambda: served.engine.desk.params("BTC")["own"] == {"drop_step_pct": "2.5"})


def test_h1_a_long_hole_is_told_before_the_click(served: Served, open_page: Open) -> None:
    """The newest time without one is offered, and what goes across it cannot be pressed."""
    folder = served.engine.folder / "candles"
    a_file(folder / "old", "XRP_USDT_5m.csv", waves())
    a_file(folder / "new", "XRP_USDT_5m.csv", waves(), begin_ms=BEGIN_MS + 5 * 86_400_000)
    page = lab(open_page())
    choice, button = page.locator("#lab-stretch"), page.get_by_role("button", name="Run", exact=True)
    expect(choice.locator("option")).to_have_count(2)
    expect(choice).to_have_value("1")
    expect(page.locator("#lab-form")).to_contain_text("399 candles")
    expect(button).to_be_enabled()
    page.locator("#lab-from").fill("2023-11-10")
    page.locator("#lab-from").blur()
    expect(page.locator("#lab-form")).to_contain_text("Candles are missing for more than a day between these days")
    expect(button).to_be_disabled()
    choice.select_option("0")
    expect(page.locator("#lab-form")).to_contain_text("399 candles")
    run(page)


def test_h1_a_hole_inside_one_file_is_told_before_the_click(served: Served, open_page: Open) -> None:
    """It was known only after Run was pressed."""
    file = a_file(served.engine.folder / "candles", "XRP_USDT_5m.csv", waves(801))
    head, *rows = file.read_text("utf-8").splitlines()
    later = (line.split(",", 1) for line in rows[400:])
    moved = [f"{int(time) + 5 * 86_400_000},{prices}" for time, prices in later]
    file.write_text("\n".join([head, *rows[:400], *moved]), "utf-8")
    page = lab(open_page())
    choice, button = page.locator("#lab-stretch"), page.get_by_role("button", name="Run", exact=True)
    expect(choice.locator("option")).to_have_count(2)
    expect(page.locator("#lab-form")).to_contain_text("400 candles")
    page.locator("#lab-from").fill("2023-11-10")
    page.locator("#lab-from").blur()
    expect(page.locator("#lab-form")).to_contain_text("Candles are missing for more than a day between these days")
    expect(button).to_be_disabled()
    choice.select_option("0")
    run(page)


@pytest.mark.parametrize(
    ("failed", "says"),
    [
        (
            {"failed": "bad_data", "what": "row 7 is bad", "where": "BTC_USDT_5m.csv:7:low", "reason": "cell"},
            ["Свечи не годятся: Там не цена", "BTC_USDT_5m.csv:7:low"],
        ),
        (
            {
                "failed": "no_candles",
                "what": "There is none.",
                "reason": "covered",
                "values": {"begin": "2023-11-14 22:10:00", "end": "2023-11-16 07:25:00"},
            },
            ["В этом времени нет свечей. Свечи есть с 2023-11-14 22:10:00 по 2023-11-16 07:25:00 UTC."],
        ),
        (
            {"failed": "holes", "what": "BTC_USDT: 2023-11-14T22:10 – 2023-11-16T07:25"},
            ["не хватает свечей больше чем за сутки", "BTC_USDT: 2023-11-14T22:10 – 2023-11-16T07:25"],
        ),
    ],
)
@pytest.mark.usefixtures("candles")
def test_why_a_run_came_to_nothing_is_said_in_russian(
    served: Served, open_page: Open, failed: dict[str, object], says: list[str]
) -> None:
    """It was English below a Russian sentence."""
    served.lab.stop()
    served.open_lab(*a_worker(served.engine.folder, f"tell({failed!r})\n"))
    page = lab(open_page(language="ru"))
    page.get_by_role("button", name="Запустить", exact=True).click()
    page.locator("tr[data-status=failed] .as-link").click()
    shown = page.locator("#lab-shown")
    for words in says:
        expect(shown).to_contain_text(words)
    if "reason" in failed:
        expect(shown).not_to_contain_text(str(failed["what"]))


@pytest.mark.usefixtures("candles")
def test_why_a_range_cannot_be_searched_is_said_in_russian(open_page: Open) -> None:
    """English words stood behind the Russian ones."""
    page = lab(open_page(language="ru"))
    search = page.get_by_test_id("search")
    search.locator("summary").click()
    search.locator(".range").nth(0).locator("input").nth(0).fill("9")
    search.locator(".apply button").click()
    expect(search.locator("[role=alert]")).to_have_text(re.compile(r"начало пределов больше конца, 9 > 4\.$"))


def test_why_a_file_cannot_be_used_is_said_in_russian(served: Served, open_page: Open) -> None:
    """With row and column; its English words stood beside it."""
    file = a_file(served.engine.folder / "candles", "BTC_USDT_5m.csv", waves())
    lines = file.read_text("utf-8").splitlines()
    cells = lines[6].split(",")
    file.write_text("\n".join([*lines[:6], ",".join([*cells[:3], "0", cells[4]]), *lines[7:]]), "utf-8")
    page = open_page(language="ru")
    go(page, "#/lab")
    form = page.locator("#lab-form")
    form.get_by_text("1 файл не годится").click()
    expect(form).to_contain_text("Такой свечи, 2023-11-14 22:35:00 UTC, не было ни на одном рынке")
    expect(form).to_contain_text("BTC_USDT_5m.csv:7:low")
    expect(form).not_to_contain_text("not possible")


@pytest.mark.usefixtures("candles")
def test_what_cannot_work_is_said_beside_the_field(open_page: Open) -> None:
    """A ladder that falls further than a price can."""
    page = lab(open_page())
    page.locator("#field-drop_step_pct").fill("150")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#lab-form [role=alert]")).to_contain_text("a price cannot fall 100 %")
    page.locator("#field-drop_step_pct").fill("much")
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_disabled()


@pytest.mark.usefixtures("candles")
def test_the_lab_works_with_the_keyboard_alone_and_in_russian(open_page: Open) -> None:
    """From the coin to the result without a mouse."""
    page = lab(open_page(language="ru"))
    page.get_by_role("button", name="ETH/USDT").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="ETH/USDT")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Запустить").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("lab-strip")).to_contain_text("Прибыль после комиссий", timeout=_FIRST_MS)
    expect(page.get_by_test_id("lab-chart")).to_have_attribute("aria-label", re.compile("Цена BTC/USDT"))
    expect(page.locator("main")).to_contain_text("BTC_USDT".replace("_", "/"))


@pytest.mark.usefixtures("candles")
def test_the_card_before_the_switch_tells_the_past(served: Served, open_page: Open) -> None:
    """Of a coin with candles; of one without it says so. The switch waits for neither."""
    page = open_page()
    page.locator('tr[data-coin="BTC"] [role=switch]').click()
    past = page.locator(".past")
    expect(past).to_contain_text("(399 candles)", timeout=_FIRST_MS)
    expect(past).to_contain_text("Longest wait")
    # The percent is of a peak, and not of the budget.
    expect(past).to_contain_text("in percent of a peak, at worst")
    expect(page.get_by_role("button", name="Turn on BTC")).to_be_enabled()
    page.keyboard.press("Escape")
    page.locator('tr[data-coin="SOL"] [role=switch]').click()
    expect(past).to_contain_text("No recorded candles of SOL")
    expect(page.get_by_role("button", name="Turn on SOL")).to_be_enabled()


@pytest.mark.usefixtures("candles")
@pytest.mark.parametrize(("columns", "told"), [(2, 0), (30, 1)])
def test_a_heat_map_that_is_wider_than_the_page_says_so(
    served: Served, open_page: Open, columns: int, told: int
) -> None:
    """Its best may be among what is not in sight."""
    a_study(served.engine.folder / "studies.db", [str(one) for one in range(1, columns + 1)])
    page = lab(open_page())
    expect(page.get_by_test_id("heat").locator("button")).to_have_count(columns * 2 - 1, timeout=_FIRST_MS)
    expect(page.get_by_test_id("heat-wide")).to_have_count(told)


@pytest.mark.usefixtures("candles")
def test_a_search_is_seen_and_a_ladder_of_it_run(served: Served, open_page: Open) -> None:
    """Heat map and scatter; a cell and a point show their ladder, which goes into the form."""
    a_study(served.engine.folder / "studies.db")
    page = lab(open_page())
    heat = page.get_by_test_id("heat")
    expect(heat.locator("button")).to_have_count(3, timeout=_FIRST_MS)
    expect(heat.locator(".best")).to_have_text(re.compile("2.0"))
    heat.get_by_role("button", name=re.compile("1.5")).click()
    expect(page.get_by_test_id("sweep")).to_contain_text("7 cycles")
    page.get_by_test_id("scatter").focus()
    page.keyboard.press("ArrowRight")
    expect(heat.locator(".pick")).to_have_text(re.compile("1.0"))
    page.get_by_role("button", name="Into the form").click()
    expect(page.locator("#field-drop_step_pct")).to_have_value("1")
    expect(page.locator("#field-steps")).to_have_value("3")
    expect(page.locator("#lab-budget")).to_have_value("500")
    run(page)
    expect(page.get_by_test_id("runs")).to_contain_text("sweep-1 0")


@pytest.mark.usefixtures("candles")
def test_a_search_is_begun_watched_and_stopped_with_the_keyboard_alone(open_page: Open) -> None:
    """Ranges around the ladder of the form; what it found is among the searches, whether it ended or was stopped."""
    page = lab(open_page())
    search = page.get_by_test_id("search")
    search.locator("summary").focus()
    page.keyboard.press("Enter")
    for part, value in (("from", "1"), ("to", "2"), ("step", "1")):
        search.get_by_label(f"First fall R: {part}").fill(value)
    search.get_by_label("Parameter").nth(1).select_option("steps")
    search.get_by_label("Steps: step").fill("nonsense")
    begin = search.get_by_role("button", name="Search", exact=True)
    expect(begin).to_be_disabled()
    for part, value in (("from", "3"), ("to", "4"), ("step", "1")):
        search.get_by_label(f"Steps: {part}").fill(value)
    begin.focus()
    page.keyboard.press("Enter")
    sweep = page.get_by_test_id("sweep")
    expect(sweep).to_contain_text("Search done", timeout=_FIRST_MS)
    expect(sweep).to_contain_text("4 / 4")
    expect(page.get_by_test_id("heat").locator("button")).to_have_count(4, timeout=_FIRST_MS)
    verdict = page.get_by_test_id("verdict")
    expect(verdict.locator("thead th")).to_have_text(["Figure", "chosen on", "afterwards"])
    expect(verdict.locator("li").filter(has_text="Little data")).to_have_text(
        "Little data: 1 days to choose on. Below 180 a single event decides."
    )
    # One that would take long.
    search.get_by_label("First fall R: step").fill("0,0002")
    search.get_by_label("Parameter").nth(2).select_option("profit_pct")
    for part, value in (("from", "0.5"), ("to", "2"), ("step", "0.1")):
        search.get_by_label(f"Profit Pprof: {part}").fill(value)
    search.get_by_label("Ladders at most").fill("50000")
    begin.focus()
    page.keyboard.press("Enter")
    expect(sweep.get_by_role("progressbar")).to_be_visible()
    expect(sweep).to_contain_text(re.compile(r"[1-9][\d,]* / 50,000"), timeout=_FIRST_MS)
    sweep.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Enter")
    expect(sweep).to_contain_text("the same search goes on from here", timeout=_FIRST_MS)
    expect(sweep.locator("select").first.locator("option")).to_have_count(2, timeout=_FIRST_MS)
    expect(sweep).to_contain_text("No verdict yet")
    page.get_by_role("button", name="RU", exact=True).click()
    expect(sweep).to_contain_text("Вердикта пока нет")


@pytest.mark.usefixtures("candles")
@pytest.mark.parametrize("width", [1400, 1920])
def test_a_run_that_works_or_waits_is_cancelled_in_its_panel(served: Served, open_page: Open, width: int) -> None:
    """A plain button beside the progress; the list of runs stays inside its panel all the while."""
    served.lab.stop()
    served.open_lab(*a_worker(served.engine.folder, WAITS))
    page = lab(open_page(viewport={"width": width, "height": 900}))
    begin = page.get_by_role("button", name="Run", exact=True)
    begin.click()
    panel = page.locator(".bench > div").nth(1)
    expect(panel.get_by_text("25 %")).to_be_visible()
    expect(page.get_by_test_id("runs").get_by_role("progressbar")).to_be_visible()
    page.locator("#lab-name").fill("a name so long that no list has room for all of it, whoever")
    begin.click()
    expect(page.locator("tr[data-status=queued]")).to_have_count(1)
    assert page.get_by_test_id("runs").evaluate("it => it.parentElement.scrollWidth <= it.parentElement.clientWidth")
    cancel = panel.get_by_role("button", name="Cancel", exact=True)
    expect(panel).to_contain_text("waits")
    cancel.click()
    expect(page.locator("tr[data-status=cancelled]")).to_have_count(1)
    page.locator("tr[data-status=running] .as-link").click()
    expect(panel).to_contain_text("25 %")
    cancel.click()
    expect(page.locator("tr[data-status=cancelled]")).to_have_count(2)
    expect(cancel).to_have_count(0)


@pytest.mark.usefixtures("candles")
@pytest.mark.parametrize("width", [1400, 1920])
def test_a_point_of_a_search_shows_its_run(open_page: Open, width: int) -> None:
    """A cell and a point tell how their ladder went on each stretch; the run of it is begun and opened from there."""
    page = lab(open_page(viewport={"width": width, "height": 900}))
    page.get_by_role("button", name="ETH/USDT").click()
    page.locator("#lab-budget").fill("500")
    search = page.get_by_test_id("search")
    search.locator("summary").click()
    for part, value in (("from", "1"), ("to", "2"), ("step", "1")):
        search.get_by_label(f"First fall R: {part}").fill(value)
    search.get_by_label("Parameter").nth(1).select_option("steps")
    for part, value in (("from", "3"), ("to", "4"), ("step", "1")):
        search.get_by_label(f"Steps: {part}").fill(value)
    search.get_by_role("button", name="Search", exact=True).click()
    heat = page.get_by_test_id("heat")
    expect(heat.locator("button")).to_have_count(4, timeout=_FIRST_MS)
    expect(page.get_by_test_id("sweep")).to_contain_text("Search done", timeout=_FIRST_MS)
    heat.locator("button").first.click()
    rows = page.get_by_test_id("stretches").locator("tbody tr")
    expect(rows).to_have_count(2, timeout=_FIRST_MS)
    expect(rows.nth(0)).to_contain_text("BTC/USDT 2023-11-14 – 2023-11-16")
    page.get_by_test_id("scatter").click()
    expect(rows).to_have_count(2, timeout=_FIRST_MS)
    expect(rows.nth(1)).to_contain_text("ETH/USDT")
    profit = rows.nth(1).locator("td").nth(1).inner_text()
    page.get_by_role("button", name="Show its run: ETH/USDT").click()
    expect(page.get_by_test_id("lab-strip")).to_be_in_viewport(timeout=_FIRST_MS)
    expect(page.get_by_test_id("lab-strip")).to_contain_text(f"{profit} of 500")
    expect(page.get_by_test_id("lab-chart")).to_have_attribute("aria-label", re.compile("Price of ETH/USDT"))
    expect(page.get_by_test_id("figures")).to_contain_text(profit)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_ladder_of_an_old_search_says_why_its_run_cannot_be_shown(served: Served, open_page: Open) -> None:
    """Instead of a button that would show the run of other candles."""
    a_file(served.engine.folder / "candles", "BTC_USDT_5m.csv", waves())
    a_study(served.engine.folder / "studies.db")
    page = lab(open_page())
    page.get_by_test_id("heat").locator("button").first.click()
    expect(page.get_by_test_id("sweep")).to_contain_text("older mTrade", timeout=_FIRST_MS)
    expect(page.get_by_role("button", name="Show its run")).to_have_count(0)
    expect(page.get_by_role("button", name="Into the form")).to_be_visible()
