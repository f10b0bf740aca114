"""Everything is sold on one wish: buys stop first, nothing comes back by itself, and what is left is named."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.domain.market import Market
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.markets import table_for
from tests.engine import UNLIMITED, Engine

PRICES = {"ETH": "2500", "BTC": "60000", "SOL": "140"}
RULES = table_for(tuple(PRICES))
D = Decimal
# No balance of this exchange lags behind a trade.
PROMPT = replace(UNLIMITED, balance_lag_s=0)


def an_engine(folder: Path, paper: PaperExchange, config: TraderConfig = PROMPT) -> Engine:
    return Engine(paper, paper.feed, [one.market for one in RULES], folder, account_feed=paper, config=config)


@pytest.fixture
def paper() -> PaperExchange:
    return PaperExchange(RULES, {"USDT": D(1000)}, clock=SystemClock())


@pytest.fixture
def engine(tmp_path: Path, paper: PaperExchange) -> Iterator[Engine]:
    with an_engine(tmp_path, paper) as one:
        yield one


def starts(engine: Engine, *currencies: str) -> None:
    """Each has bought, and its balance is read."""
    for currency in currencies:
        engine.desk.switch(currency, "on", "test")
        engine.until_price(currency, PRICES[currency], "a start", lambda name=currency: engine.state(name) == "ACTIVE")
        market = engine.slot(currency).market
        engine.until("a reading", lambda market=market: engine.floor.wallet.base_reading(market) is not None)


def sold(engine: Engine) -> dict[str, str]:
    """How far each coin is."""
    run = engine.desk.selling()["selling"]
    return {coin["currency"]: coin["state"] for coin in run["coins"]} if run else {}


def ended(engine: Engine) -> bool:
    """Whether the run is over; fresh prices meanwhile."""
    for currency, price in PRICES.items():
        engine.price(currency, price)
    return bool(engine.desk.selling()["selling"]["ended_ms"])


def test_every_open_cycle_is_sold_and_nothing_is_bought_again(engine: Engine, paper: PaperExchange) -> None:
    starts(engine, "ETH", "BTC")
    engine.desk.switch("SOL", "on", "test")
    answer = engine.desk.sell_everything("test")
    assert {coin["currency"] for coin in answer["selling"]["coins"]} == {"ETH", "BTC"}
    engine.until("all is sold", lambda: ended(engine))
    assert sold(engine) == {"ETH": "sold", "BTC": "sold"}
    overview = engine.desk.overview()
    assert overview["global_switch"] == "sell_only"
    assert overview["selling"]["coins"] == engine.desk.selling()["selling"]["coins"]
    assert {coin: engine.state(coin) for coin in PRICES} == dict.fromkeys(PRICES, "IDLE")
    causes = {name: (engine.desk.coin(name)["paused"] or {}).get("cause") for name in PRICES}
    assert causes == {"ETH": "sold_by_you", "BTC": "sold_by_you", "SOL": None}
    assert [alert.code for alert in engine.told if alert.code.startswith("selling")] == ["selling_done"]
    engine.desk.switch(None, "on", "test")
    engine.until_price("SOL", "140", "the coin that held nothing starts", lambda: engine.state("SOL") == "ACTIVE")
    assert (engine.state("ETH"), engine.state("BTC")) == ("IDLE", "IDLE"), "sold coins wait for a person"


def test_a_second_wish_joins_the_first(engine: Engine) -> None:
    starts(engine, "ETH")
    engine.desk.reset_cycle("ETH", "test")
    engine.desk.adopt("ETH", price=D(2500), from_trades=False, by="test")
    first = engine.desk.sell_everything("test")["selling"]["began_ms"]
    assert engine.desk.sell_everything("page")["selling"]["began_ms"] == first
    engine.until("all is sold", lambda: ended(engine))
    assert sum(row["side"] == "sell" for row in engine.desk.orders("ETH", 20)) == 1


def test_coins_outside_every_cycle_are_not_touched(engine: Engine, paper: PaperExchange) -> None:
    starts(engine, "ETH", "BTC")
    engine.desk.reset_cycle("ETH", "test")
    engine.desk.sell_everything("test")
    engine.until("all is sold", lambda: ended(engine))
    assert sold(engine) == {"BTC": "sold"}
    assert paper.balances()["ETH"].available > 0


def test_a_coin_without_a_fresh_price_waits_and_is_named_when_a_person_ends_it(engine: Engine) -> None:
    starts(engine, "ETH", "BTC")
    market = engine.slot("ETH").market

    def too_old() -> bool:
        engine.price("BTC", PRICES["BTC"])
        quote = engine.floor.board.newest(market)
        return quote is not None and engine.floor.clock.now_ms() - quote.confirmed_ms > 3_000

    engine.until("the price of one is old", too_old)
    engine.desk.sell_everything("test")

    def other_is_sold() -> bool:
        engine.price("BTC", PRICES["BTC"])
        return sold(engine)["BTC"] == "sold"

    engine.until("the other is sold", other_is_sold)
    engine.until("the reason is told", lambda: codes(engine)["ETH"] == "quote_too_old")
    engine.desk.stop_selling("test")
    engine.until("it ends", lambda: bool(engine.desk.selling()["selling"]["ended_ms"]))
    assert sold(engine) == {"ETH": "left", "BTC": "sold"}
    [alert] = [alert for alert in engine.told if alert.code == "selling_unfinished"]
    assert alert.values is not None
    assert alert.values["left"] == "ETH"
    assert engine.state("ETH") == "ACTIVE"


def codes(engine: Engine) -> dict[str, str]:
    """Why each coin waits."""
    return {coin["currency"]: coin["code"] for coin in engine.desk.selling()["selling"]["coins"]}


def test_a_run_that_the_end_cut_short_is_told_at_the_next_start_and_not_taken_up(
    tmp_path: Path, paper: PaperExchange
) -> None:
    with an_engine(tmp_path, paper) as engine:
        starts(engine, "ETH")
        market = engine.slot("ETH").market
        engine.until("the price is old", lambda: (age_ms(engine, market) or 0) > 3_000)
        engine.desk.sell_everything("test")
        engine.until("it waits for a price", lambda: codes(engine)["ETH"] == "quote_too_old")
    with an_engine(tmp_path, paper) as engine:
        [alert] = [alert for alert in engine.told if alert.code == "selling_interrupted"]
        assert alert.values is not None
        assert alert.values["held"] == "ETH"
        engine.price("ETH", PRICES["ETH"])
        assert engine.desk.selling() == {"selling": None}
        assert engine.desk.overview()["global_switch"] == "sell_only"
    with an_engine(tmp_path, paper) as engine:
        assert [alert for alert in engine.told if alert.code == "selling_interrupted"] == []
        assert engine.state("ETH") == "ACTIVE"


def age_ms(engine: Engine, market: Market) -> int | None:
    """How old the newest price is."""
    quote = engine.floor.board.newest(market)
    return engine.floor.clock.now_ms() - quote.confirmed_ms if quote else None
