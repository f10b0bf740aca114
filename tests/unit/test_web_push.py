"""What pages are told without asking: a snapshot, then differences, seldom enough."""

import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from autotrader_v2.application.events import Alert, Booked, MarketChanged, Priority
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import Side, Why
from tests.web_double import DeskDouble, a_coin
from web.push import Push

BTC = Market("gate", "BTC", "USDT")
A_FILL = Booked(
    market=BTC,
    client_id="t-a1b2-7.1",
    side=Side.SELL,
    why=Why.TAKE_PROFIT,
    step=None,
    base=Decimal("0.5"),
    quote=Decimal("50.10"),
    time_ms=9,
    result=Decimal("0.10"),
)


class Page:
    """A push with one listening page, told only when the test says so."""

    def __init__(self) -> None:
        self.desk = DeskDouble()
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self.dropped: list[str] = []
        self.alive = True
        self.push = Push(
            self.desk,
            send=lambda event, data, sid: self.told.append((event, data)),
            drop=self.dropped.append,
            alive=lambda session: self.alive,
        )
        assert self.push.join("sid", "session")

    def tell(self) -> list[tuple[str, Mapping[str, Any]]]:
        """One round; what the page heard in it."""
        self.told.clear()
        self.push._tell()
        return list(self.told)


def test_a_page_first_hears_everything() -> None:
    """The whole overview, prices' ages apart from the coins."""
    ((event, told),) = Page().tell()
    assert event == "snapshot"
    assert [coin["currency"] for coin in told["coins"]] == ["BTC", "ETH"]
    assert told["ages"] == {"BTC": 5, "ETH": 5}
    assert "price_age_ms" not in told["coins"][0]
    assert "coins" not in told["head"]


def test_then_it_hears_what_changed() -> None:
    """One coin, tied to what it had before; an age alone is no change."""
    page = Page()
    ((_, first),) = page.tell()
    page.desk.coins[0] = a_coin("BTC", last="101", price_age_ms=7)
    page.desk.coins[1] = a_coin("ETH", price_age_ms=900)
    ((event, told),) = page.tell()
    assert (event, told["coins"], told["changes"]) == ("changes", [], [{"currency": "BTC", "last": "101"}])
    assert told["base"] == first["version"] < told["version"]
    assert (told["ages"], told["every_age"]) == ({"BTC": 7}, False)
    assert page.tell() == []


def test_a_page_that_missed_a_change_hears_the_coin_whole() -> None:
    """Only the last change is known by its fields; who has not heard of the one before gets everything."""
    page = Page()
    page.tell()
    page.push.pace("sid", hidden=True)
    page.desk.coins[0] = a_coin("BTC", last="101")
    assert page.tell() == []
    page.desk.coins[0] = a_coin("BTC", last="101", state="ACTIVE")
    page.desk.coins[1] = a_coin("ETH", state="ACTIVE")
    page.push._clients["sid"].told_s -= 1
    ((_, told),) = page.tell()
    assert [(coin["currency"], coin["last"], coin["state"]) for coin in told["coins"]] == [("BTC", "101", "ACTIVE")]
    assert told["changes"] == [{"currency": "ETH", "state": "ACTIVE"}]


def test_a_coin_that_is_gone_leaves_the_ages() -> None:
    """The page drops what the ages no longer name."""
    page = Page()
    page.tell()
    del page.desk.coins[1]
    assert page.tell() == []  # nothing to draw but ages, which are told within a second
    page.push._clients["sid"].aged_s -= 1
    ((_, told),) = page.tell()
    assert (told["ages"].keys(), told["every_age"]) == ({"BTC"}, True)


def test_a_hidden_page_hears_once_a_second() -> None:
    """And nothing is lost meanwhile."""
    page = Page()
    page.tell()
    page.push.pace("sid", hidden=True)
    page.desk.coins[0] = a_coin("BTC", last="101")
    assert page.tell() == []
    page.push._clients["sid"].told_s -= 1
    ((event, told),) = page.tell()
    assert (event, len(told["changes"])) == ("changes", 1)


def test_fills_and_alerts_are_passed_on_once() -> None:
    """As text; a changed market alone is seen in the overview."""
    page = Page()
    page.tell()
    hear = page.desk.listeners[0]
    hear(MarketChanged(BTC))
    hear(A_FILL)
    hear(Alert(code="late_fill", priority=Priority.HIGH, time_ms=9, market=BTC, values={"coins": "1"}))
    ((_, told),) = page.tell()
    assert [one["kind"] for one in told["news"]] == ["booked", "alert"]
    assert (told["news"][0]["quote"], told["news"][0]["result"]) == ("50.1", "0.1")
    assert page.tell() == []


def test_a_page_that_lost_track_starts_again() -> None:
    """With a snapshot of the newest version."""
    page = Page()
    page.tell()
    page.push.again("sid")
    ((event, told),) = page.tell()
    assert (event, told["base"], len(told["coins"])) == ("snapshot", 0, 2)


def test_a_page_whose_session_ended_is_cut_off() -> None:
    """Asked at every round, not only when it connected."""
    page = Page()
    page.alive = False
    assert page.tell() == []
    assert page.dropped == ["sid"]


def test_only_so_many_pages_may_listen() -> None:
    """A seventeenth is refused until one leaves."""
    page = Page()
    assert all(page.push.join(f"sid{number}", "session") for number in range(15))
    assert not page.push.join("one more", "session")
    page.push.leave("sid3")
    assert page.push.join("one more", "session")


_PATIENCE_S = 30


@pytest.mark.parametrize("what", ["a price", "a market", "news", "a page"])
def test_it_looks_when_something_moved_and_not_before(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Between that it rests, so that what moves next is told at once and waits for no rest of a look in vain."""
    monkeypatch.setattr("web.push._UNANNOUNCED_S", 3600.0)
    page = Page()
    assert page.push._wait()
    page.tell()
    went_on = threading.Event()

    def wait() -> None:
        page.push._wait()
        went_on.set()

    def move() -> None:
        page.desk.moved += 1

    moves: dict[str, Callable[[], object]] = {
        "a price": move,
        "a market": lambda: page.desk.listeners[0](MarketChanged(BTC)),
        "news": lambda: page.desk.listeners[0](A_FILL),
        "a page": lambda: page.push.again("sid"),
    }
    threading.Thread(target=wait, daemon=True).start()
    assert not went_on.wait(0.1)
    moves[what]()
    assert went_on.wait(_PATIENCE_S)


def test_what_nobody_announces_is_looked_for_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A balance that was read moves no price."""
    monkeypatch.setattr("web.push._UNANNOUNCED_S", 0.01)
    page = Page()
    assert page.push._wait()
    assert page.push._wait()
    page.push.stop()
    assert not page.push._wait()


def test_a_page_hears_at_once_of_what_it_shows_and_soon_of_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of the coins out of sight are looked at in each telling, one after the other."""
    monkeypatch.setattr("web.push._OUT_OF_SIGHT", 1)
    page = Page()
    page.tell()
    page.push.pace("sid", hidden=False, sight=frozenset({"BTC"}))
    heard = []
    for last in ("101", "102", "103", "104"):
        page.desk.coins[:] = [a_coin("BTC", last=last), a_coin("ETH", last=last)]
        ((_, told),) = page.tell()
        heard.append([change["currency"] for change in told["changes"]])
        assert set(told["ages"]) == set(heard[-1])
    assert heard == [["BTC"], ["BTC", "ETH"], ["BTC"], ["BTC", "ETH"]]


def test_a_coin_of_which_more_than_the_price_changed_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it stands: rows are sorted by what has happened to them."""
    monkeypatch.setattr("web.push._OUT_OF_SIGHT", 0)
    page = Page()
    page.tell()
    page.push.pace("sid", hidden=False, sight=frozenset({"BTC"}))
    page.desk.coins[1] = a_coin("ETH", last="51", state="ACTIVE")
    assert page.tell() == []
    page.desk.listeners[0](MarketChanged(Market("gate", "ETH", "USDT")))
    ((_, told),) = page.tell()
    assert [change["currency"] for change in told["changes"]] == ["ETH"]


def test_who_may_show_any_coin_hears_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One page that does not say what it shows, or heard nothing yet, is enough; a coin out of sight is not gone."""
    monkeypatch.setattr("web.push._OUT_OF_SIGHT", 0)
    page = Page()
    page.tell()
    page.push.pace("sid", hidden=False, sight=frozenset({"BTC"}))
    page.desk.coins[1] = a_coin("ETH", last="51")
    assert page.tell() == []
    assert page.push.join("other", "session")
    assert {event for event, _ in page.tell()} == {"snapshot", "changes"}
    page.desk.coins[1] = a_coin("ETH", last="52")
    assert len(page.tell()) == 2
    page.push.leave("other")
    page.push.again("sid")
    ((event, told),) = page.tell()
    assert event == "snapshot" and [coin["currency"] for coin in told["coins"]] == ["BTC", "ETH"]


def test_a_coin_that_was_added_is_told_though_no_page_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its turn among those out of sight; one that was removed is gone."""
    monkeypatch.setattr("web.push._OUT_OF_SIGHT", 3)
    page = Page()
    page.tell()
    page.push.pace("sid", hidden=False, sight=frozenset({"BTC"}))
    page.desk.coins.append(a_coin("SOL"))
    told = [coin["currency"] for _ in range(3) for _, data in page.tell() for coin in data["coins"]]
    assert told == ["SOL"]
    del page.desk.coins[1]
    page.push._clients["sid"].aged_s = float("-inf")
    ((_, heard),) = page.tell()
    assert set(heard["ages"]) == {"BTC", "SOL"}
