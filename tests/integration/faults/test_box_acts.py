"""What happens to the exchange from outside really happens: money, hands, key, clock, prices, market rules."""

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from autotrader_v2.matching.knobs import Knobs
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.fields import BadField
from tests.integration.faults.box import MARKET_BUY, PAIR, inject
from tests.integration.simulated import RICH, RawClient, a_simulator

PLACES = 5.0


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with a_simulator() as sim:
        yield sim
        assert not sim.call(lambda core: core.imbalance())


@pytest.fixture
def call(sim: Simulator) -> RawClient:
    return RawClient(sim)


def free(sim: Simulator, currency: str) -> Decimal:
    return sim.account().balances[currency][0]


def until(holds: object) -> None:
    """Wait for what the simulator does by itself."""
    ends = time.monotonic() + PLACES
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.01)


def test_a1_the_owner_trades_by_hand(sim: Simulator) -> None:
    sim.act("trade", pair=PAIR, side="sell", amount="2")
    assert free(sim, "LTC") == RICH["LTC"] - 2
    (trade,) = sim.account().trades
    assert trade.text == "web"


def test_p12_another_program_trades_with_the_same_key(sim: Simulator) -> None:
    sim.act("trade", pair=PAIR, side="buy", amount="20", text="t-ffff-1.1")
    assert [one.text for one in sim.account().orders] == ["t-ffff-1.1"]


def test_a2_a3_money_comes_and_goes_and_is_locked(sim: Simulator, call: RawClient) -> None:
    sim.act("deposit", currency="USDT", amount="5")
    sim.act("deposit", currency="USDT", amount="5", why="borrow")
    assert free(sim, "USDT") == RICH["USDT"] + 10
    sim.act("withdraw", currency="USDT", amount="10")
    sim.act("lock", currency="LTC", amount="60")
    assert sim.account().balances["LTC"] == (40, 60)
    sell = MARKET_BUY | {"side": "sell", "amount": "41"}
    assert call("POST", "/spot/orders", sell)[1]["label"] == "BALANCE_NOT_ENOUGH"
    sim.act("unlock", currency="LTC", amount="60")
    sim.act("withdraw_all", currency="LTC")
    assert sim.account().balances["LTC"] == (0, 0)
    book = {row["type"] for row in call("GET", "/spot/account_book")[1]}
    assert {"deposit", "borrow", "withdraw"} <= book
    with pytest.raises(BadField, match="Not enough balance"):
        sim.act("withdraw", currency="LTC", amount="1")


@pytest.mark.parametrize(
    ("state", "status", "label"),
    [
        ("revoked", 401, "INVALID_KEY"),
        ("ip_forbidden", 403, "IP_FORBIDDEN"),
        ("locked", 403, "ACCOUNT_LOCKED"),
    ],
)
def test_a4_a_key_stops_working(sim: Simulator, call: RawClient, state: str, status: int, label: str) -> None:
    sim.act("key", state=state)
    for method, path, body in (("GET", "/spot/accounts", None), ("POST", "/spot/orders", MARKET_BUY)):
        answer = call(method, path, body)
        assert (answer[0], answer[1]["label"]) == (status, label)
    sim.act("key", state="ok")
    assert call("GET", "/spot/accounts")[0] == 200


def test_a4_a_key_may_only_read_or_even_withdraw(sim: Simulator, call: RawClient) -> None:
    sim.act("key", read_only=True)
    assert call("POST", "/spot/orders", MARKET_BUY)[1]["label"] == "READ_ONLY"
    assert call("GET", "/account/main_keys")[1][0]["perms"][0] == {"name": "spot", "read_only": True}
    sim.act("key", withdraw=True)
    assert "withdraw" in [one["name"] for one in call("GET", "/account/main_keys")[1][0]["perms"]]
    assert call("POST", "/spot/orders", MARKET_BUY)[0] == 201


def test_a5_fees_change(sim: Simulator, call: RawClient) -> None:
    sim.act("fees", taker="0.001")
    assert call("GET", "/wallet/fee")[1]["taker_fee"] == "0.001"
    sim.act("deposit", currency="POINT", amount="100")
    sim.act("fees", pays_points=True)
    call("POST", "/spot/orders", MARKET_BUY)
    (trade, *_) = sim.account().trades
    assert trade.point_fee > 0 and trade.fee == 0


def test_a6_the_account_becomes_another_kind(sim: Simulator, call: RawClient) -> None:
    assert call("GET", "/account/detail")[1]["key"] == {"mode": 1}
    sim.act("account_kind", unified=True)
    assert call("GET", "/account/detail")[1]["key"] == {"mode": 2}


def test_m12_the_clock_is_set_stepped_and_drifts(sim: Simulator, call: RawClient) -> None:
    def off_ms() -> float:
        return float(call("GET", "/spot/time")[1]["server_time"]) - time.time() * 1000

    sim.act("clock", offset_ms=5_000)
    assert off_ms() == pytest.approx(5_000, abs=500)
    sim.act("clock", step_ms=-8_000)
    assert off_ms() == pytest.approx(-3_000, abs=500)
    sim.act("clock", offset_ms=0, drift_ppm=500_000)
    time.sleep(1.0)
    assert off_ms() > 300
    sim.act("clock", offset_ms=-61_000, drift_ppm=0)
    assert call("GET", "/spot/accounts")[1]["label"] == "REQUEST_EXPIRED"


def test_m11_prices_crash_without_a_new_quote(sim: Simulator) -> None:
    inject(sim, "move", pair=PAIR, factor="0.6", ramp_s=0.3)
    seen = set()

    def last() -> Decimal:
        price = sim.call(lambda core: core.pits[PAIR].book.last)
        seen.add(price)
        return price

    until(lambda: last() == Decimal("38.41"))
    assert len(seen) > 2, "not in one step"
    sim.price(PAIR, "100", "101")
    assert last() == 60


def test_m8_a_spike_passes(sim: Simulator) -> None:
    sim.act("move", pair=PAIR, factor="10", hold_s=0.2)
    assert sim.call(lambda core: core.pits[PAIR].book.last) == Decimal("640.2")
    until(lambda: sim.call(lambda core: core.pits[PAIR].book.last) == Decimal("64.02"))


def test_o17_o18_rules_change_at_run_time(sim: Simulator, call: RawClient) -> None:
    sim.act("rules", pair=PAIR, min_quote="60", amount_precision=1)
    row = call("GET", f"/spot/currency_pairs/{PAIR}")[1]
    assert (row["min_quote_amount"], row["amount_precision"]) == ("60", 1)
    assert "too small" in call("POST", "/spot/orders", MARKET_BUY)[1]["message"]


def test_m15_a_market_is_restricted_announced_marked_and_gone(sim: Simulator, call: RawClient) -> None:
    sell = MARKET_BUY | {"side": "sell", "amount": "1"}
    sim.act("status", pair=PAIR, status="buyable", delisting_in_s=3600, st_tag=True)
    row = call("GET", f"/spot/currency_pairs/{PAIR}")[1]
    assert (row["trade_status"], row["st_tag"]) == ("buyable", True)
    assert row["delisting_time"] == pytest.approx(time.time() + 3600, abs=30)
    assert call("POST", "/spot/orders", MARKET_BUY)[0] == 201
    assert call("POST", "/spot/orders", sell)[1]["label"] == "INVALID_CURRENCY_PAIR"
    sim.act("status", pair=PAIR, status="untradable")
    assert call("POST", "/spot/orders", MARKET_BUY)[1]["label"] == "INVALID_CURRENCY_PAIR"
    sim.act("trade", pair="ETH_USDT", side="buy", amount="1", price="2000")
    sim.act("delist", pair="ETH_USDT")
    assert not sim.account().open_orders
    assert call("GET", "/spot/currency_pairs/ETH_USDT")[1]["label"] == "INVALID_CURRENCY_PAIR"
    sim.price(PAIR, "60", "61")
    assert sim.call(lambda core: core.pits[PAIR].book.last) == 60


def test_m17_a_coin_is_redenominated(sim: Simulator, call: RawClient) -> None:
    before = free(sim, "LTC")
    sim.act("redenominate", currency="LTC")
    assert free(sim, "LTC") == before * 1000
    (ticker,) = call("GET", "/spot/tickers", query=f"currency_pair={PAIR}")[1]
    assert ticker["last"] == "0.06402"
    sim.price(PAIR, "70", "71")
    (ticker,) = call("GET", "/spot/tickers", query=f"currency_pair={PAIR}")[1]
    assert ticker["highest_bid"] == "0.07"
    assert call("POST", "/spot/orders", MARKET_BUY)[0] == 201


def test_o21_a_limit_price_outside_the_band_is_refused(sim: Simulator, call: RawClient) -> None:
    sim.set_knobs(Knobs(price_band=Decimal("0.08")))
    order = {"currency_pair": PAIR, "side": "buy", "amount": "1", "time_in_force": "ioc"}
    assert call("POST", "/spot/orders", order | {"price": "70"})[1]["label"] == "PRICE_THRESHOLD_EXCEEDED"
    assert call("POST", "/spot/orders", order | {"price": "65"})[0] == 201


def test_acts_happen_by_themselves_as_often_as_a_rule_says(sim: Simulator) -> None:
    before = free(sim, "USDT")
    inject(sim, "deposit", currency="USDT", amount="1", from_s=0.1, every_s=0.1, times=3)
    until(lambda: free(sim, "USDT") == before + 3)
    time.sleep(0.3)
    assert free(sim, "USDT") == before + 3
    assert sim.faults.counts == {"deposit": 3}
