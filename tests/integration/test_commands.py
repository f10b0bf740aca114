"""What a person may ask for, on the real engine over the paper exchange; every wish ends in the journal."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.archive import Which
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.application.shipped_ladders import SHIPPED
from autotrader_v2.domain.cycle import Active, Idle
from autotrader_v2.domain.ladder import LadderParams, changed
from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.domain.situation import Pause
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.markets import table_for
from autotrader_v2.matching.records import OrderRequest, TimeInForce
from tests.engine import Engine, a_price

RULES = table_for(("ETH", "BTC", "SOL"))
D = Decimal
QUICK = TraderConfig(
    loop_interval_s=0.02, reconcile_s=0.3, reconcile_confirm_s=0.2, balance_lag_s=0, balance_retry_s=0.1
)


@dataclass
class Desk:
    """The engine on paper, and the account's owner at the exchange."""

    engine: Engine
    paper: PaperExchange

    def by_hand(self, side: Side, amount: str, pair: str = "ETH_USDT") -> None:
        """Trade past the engine: quote currency for a buy, coins for a sale."""
        request = OrderRequest(
            pair=pair,
            side=side,
            type=OrderType.MARKET,
            amount=D(amount),
            price=None,
            time_in_force=TimeInForce.IOC,
            text="",
        )
        self.paper.by_hand(request)

    def active(self, currency: str = "ETH") -> Active:
        cycle = self.engine.slot(currency).state.cycle
        assert isinstance(cycle, Active)
        return cycle

    def start(self, currency: str = "ETH", price: str = "2500") -> Active:
        """Switch on, wait for the start buy, and for a balance reading after it."""
        self.engine.desk.switch(currency, "on", "test")
        self.engine.until_price(currency, price, "a start buy", lambda: self.engine.state(currency) == "ACTIVE")
        wallet, market = self.engine.floor.wallet, self.engine.slot(currency).market
        self.engine.until("a reading", lambda: wallet.base_reading(market) is not None)
        return self.active(currency)

    def hold(self, currency: str = "ETH") -> str:
        """Why nothing happens."""
        return str(self.engine.desk.coin(currency)["hold"]["reason"])


def an_engine(folder: Path, paper: PaperExchange) -> Engine:
    markets = [one.market for one in RULES]
    return Engine(paper, paper.feed, markets, folder, account_feed=paper, config=QUICK)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    paper = PaperExchange(RULES, {"USDT": D(1000)}, clock=SystemClock())
    with an_engine(tmp_path, paper) as engine:
        for rules, price in zip(RULES, ("2500", "60000", "140"), strict=True):
            engine.until_price(
                rules.market.base, price, "a price", lambda rules=rules: engine.floor.board.newest(rules.market)
            )
        yield Desk(engine, paper)


def test_finish_completes_the_cycle_and_then_is_off(desk: Desk) -> None:
    desk.start()
    desk.engine.desk.switch("ETH", "finish", "test")
    desk.engine.until_price("ETH", "2600", "the sale", lambda: desk.engine.state("ETH") == "IDLE")
    desk.engine.until_price("ETH", "2600", "it is off", lambda: desk.hold() == "off")
    assert desk.engine.desk.coin("ETH")["switch"] == "off"
    assert desk.engine.desk.coin("ETH")["completed_cycles"] == 1


def test_finish_on_an_idle_coin_is_off_at_once(desk: Desk) -> None:
    desk.engine.desk.switch("ETH", "finish", "test")
    assert desk.engine.desk.coin("ETH")["switch"] == "off"


def test_sell_only_sells_and_does_not_buy(desk: Desk) -> None:
    desk.start()
    desk.engine.desk.switch(None, "sell_only", "test")
    desk.engine.until_price("ETH", "2400", "the rebuy is held", lambda: desk.hold() == "sell_only")
    assert len(desk.active().bought) == 1
    desk.engine.until_price("ETH", "2600", "the sale", lambda: desk.engine.state("ETH") == "IDLE")


def test_switches_pauses_and_own_parameters_survive_a_restart(tmp_path: Path) -> None:
    paper = PaperExchange(RULES, {"USDT": D(1000)}, clock=SystemClock())
    with an_engine(tmp_path, paper) as engine:
        one = Desk(engine, paper)
        engine.desk.set_params("ETH", {"steps": 3, "profit_pct": "1.25"}, "test")
        engine.desk.set_params(None, {"start_quote": "20"}, "test")
        one.start()
        engine.desk.reset_cycle("ETH", "test")
        engine.desk.switch("BTC", "sell_only", "test")
        engine.desk.switch(None, "finish", "test")
    with an_engine(tmp_path, paper) as engine:
        overview = engine.desk.overview()
        eth, btc = (engine.desk.coin(coin) for coin in ("ETH", "BTC"))
        assert overview["global_switch"] == "finish"
        assert btc["switch"] == "sell_only"
        assert (eth["state"], eth["paused"]["cause"]) == ("IDLE", "reset_by_you")
        params = engine.desk.params("ETH")
        assert params["own"] == {"steps": "3", "profit_pct": "1.25"} or params["own"] == {
            "steps": 3,
            "profit_pct": "1.25",
        }
        assert params["effective"]["start_quote"] == "20"


def test_a_reset_forgets_the_cycle_pauses_and_leaves_the_coins_outside(desk: Desk) -> None:
    cycle = desk.start()
    desk.engine.desk.reset_cycle("ETH", "test")
    assert isinstance(desk.engine.slot("ETH").state.cycle, Idle)
    desk.engine.until("it is paused", lambda: desk.hold() == "paused")
    desk.engine.desk.resume_cycle("ETH", "test")
    desk.engine.until_price("ETH", "2500", "it holds coins", lambda: desk.hold() == "holds_coins")
    assert D(desk.engine.desk.coin("ETH")["outside"]) == cycle.held


def test_coins_outside_can_be_adopted_at_a_price(desk: Desk) -> None:
    cycle = desk.start()
    desk.engine.desk.reset_cycle("ETH", "test")
    desk.engine.desk.adopt("ETH", price=D(2550), from_trades=False, by="test")
    adopted = desk.active()
    assert adopted.held == cycle.held
    assert adopted.invested == cycle.held * 2550
    assert adopted.cycle_id == cycle.cycle_id + 1


def test_coins_bought_by_hand_are_adopted_at_what_the_accounts_trades_say(desk: Desk) -> None:
    desk.by_hand(Side.BUY, "50")
    desk.engine.floor.want_balances.set()
    desk.engine.desk.switch("ETH", "on", "test")
    desk.engine.until_price("ETH", "2500", "it holds coins", lambda: desk.hold() == "holds_coins")
    desk.engine.desk.adopt("ETH", price=None, from_trades=True, by="test")
    [trade] = desk.paper.own_trades(RULES[0].market, 0)
    assert desk.active().held == trade.base_received
    assert abs(desk.active().invested - trade.quote) < D("1e-20")


def test_what_the_cycle_paid_does_not_price_coins_bought_by_hand_before_it(desk: Desk) -> None:
    """A lower price of the cycle's own buys would sell the adopted coins at a loss."""
    desk.start()
    desk.by_hand(Side.BUY, "20")
    [*_, by_hand] = desk.paper.own_trades(RULES[0].market, 0)
    desk.engine.until_price("ETH", "2300", "a rebuy", lambda: len(desk.active().bought) > 1)
    before = desk.active()
    desk.engine.floor.want_balances.set()
    desk.engine.until("it is seen outside", lambda: D(desk.engine.desk.coin("ETH")["outside"]) == by_hand.base_received)
    desk.engine.desk.adopt("ETH", price=None, from_trades=True, by="test")
    assert abs(desk.active().invested - before.invested - by_hand.quote) < D("1e-20")


def test_coins_outside_can_be_ignored_until_more_come(desk: Desk) -> None:
    desk.by_hand(Side.BUY, "50")
    desk.engine.floor.want_balances.set()
    desk.engine.desk.switch("ETH", "on", "test")
    desk.engine.until_price("ETH", "2500", "it holds coins", lambda: desk.hold() == "holds_coins")
    desk.engine.desk.ignore_coins("ETH", "test")
    desk.engine.until_price("ETH", "2500", "a start buy", lambda: desk.engine.state("ETH") == "ACTIVE")
    assert len(desk.active().bought) == 1, "the ignored coins are not the cycle's"


def test_nothing_outside_cannot_be_adopted(desk: Desk) -> None:
    with pytest.raises(CommandRefused) as refused:
        desk.engine.desk.adopt("ETH", price=D(2500), from_trades=False, by="test")
    assert refused.value.code == "nothing_outside"


def test_a1_part_of_the_position_sold_by_hand_shrinks_it_and_keeps_the_steps(desk: Desk) -> None:
    desk.engine.desk.set_params("ETH", {"start_quote": "100"}, "test")
    before = desk.start()
    desk.engine.desk.switch("ETH", "sell_only", "test")
    desk.by_hand(Side.SELL, "0.0200")
    desk.engine.until_price("ETH", "2500", "the cycle follows", lambda: desk.active().held < before.held)
    after = desk.active()
    assert after.held == before.held - D("0.02")
    assert after.position.step == before.position.step
    assert after.cycle_id == before.cycle_id
    assert abs(after.invested / after.held - before.invested / before.held) < D("1e-12")


def test_a3_coins_that_vanish_without_a_trade_pause_the_market_and_can_be_written_off(desk: Desk) -> None:
    cycle = desk.start()
    desk.paper.restore({**desk.paper.books(), "ETH": D(0)})

    def paused() -> bool:
        pause = desk.engine.desk.coin("ETH")["paused"]
        return bool(pause and pause["cause"] == "coins_missing")

    desk.engine.until_price("ETH", "2500", "it is paused", paused)
    assert desk.active() == cycle, "nothing was corrected by guessing"
    desk.engine.desk.write_off("ETH", "test")
    tally = desk.engine.slot("ETH").state.cycle.tally
    assert (tally.completed, tally.realised) == (1, -cycle.invested)


def test_sell_all_sells_pauses_and_says_so(desk: Desk) -> None:
    desk.start()
    done = desk.engine.desk.sell_all("ETH", "pause", "test")
    assert done["outcome"] == "filled"
    assert desk.engine.state("ETH") == "IDLE"
    assert desk.engine.desk.coin("ETH")["paused"]["cause"] == "sold_by_you"


def test_sell_all_then_restart_starts_again(desk: Desk) -> None:
    first = desk.start()
    desk.engine.desk.sell_all("ETH", "restart", "test")
    desk.engine.until_price("ETH", "2500", "a new cycle", lambda: desk.engine.state("ETH") == "ACTIVE")
    assert desk.active().cycle_id == first.cycle_id + 1


def test_an_idle_coin_sells_what_lies_outside(desk: Desk) -> None:
    desk.by_hand(Side.BUY, "50")
    desk.engine.floor.want_balances.set()
    desk.engine.price("ETH", "2500")
    desk.engine.until_price("ETH", "2500", "seen", lambda: desk.engine.desk.coin("ETH")["outside"] not in (None, "0"))
    assert desk.engine.desk.sell_all("ETH", "restart", "test")["outcome"] == "filled"
    assert desk.paper.books()["ETH"] < D("0.0001")
    assert desk.engine.slot("ETH").state.cycle.tally.realised == 0, "not a cycle's result"


def test_a_quick_buy_into_a_cycle_is_an_extra_row_and_lowers_nothing_but_averages(desk: Desk) -> None:
    before = desk.start()
    done = desk.engine.desk.quick_buy("ETH", D(50), "test")
    after = desk.active()
    assert done["outcome"] == "filled"
    assert [row.step for row in after.bought] == [0, None]
    assert after.position.step == 0
    assert [row.quote for row in after.table.ahead] == [row.quote for row in before.table.ahead]
    rows = desk.engine.desk.table("ETH")["rows"]
    assert [row["step"] for row in rows[:3]] == [0, None, 1]
    assert rows[1]["active"]


@pytest.mark.parametrize(("amount", "code"), [("1", "too_small"), ("100000", "needs_money"), ("99999999", "too_large")])
def test_a_quick_buy_that_cannot_work_says_why(desk: Desk, amount: str, code: str) -> None:
    desk.engine.desk.set_order_limits({"order_rows": "0"}, "test")
    with pytest.raises(CommandRefused) as refused:
        desk.engine.desk.quick_buy("ETH", D(amount), "test")
    assert refused.value.code == code or (code == "needs_money" and refused.value.code == "thin_book")
    assert desk.engine.state("ETH") == "IDLE"


def test_while_something_is_wrong_nothing_is_bought_by_hand_either(desk: Desk) -> None:
    """Another program on the account, a coin's order that is not understood: whoever buys by hand looks first."""
    held, slot = desk.start().held, desk.engine.slot("ETH")
    wrong = Pause(cause="second_instance", since_ms=1, sells=True)
    desk.engine.floor.pause_account(wrong, "test")
    with pytest.raises(CommandRefused) as refused:
        desk.engine.desk.quick_buy("ETH", D(50), "test")
    assert (refused.value.code, refused.value.values["cause"]) == ("paused", "second_instance")
    desk.engine.floor.pause_account(None, "test")
    slot.change(pause=Pause(cause="order_doubled", since_ms=1))
    with pytest.raises(CommandRefused, match="order_doubled"):
        desk.engine.desk.quick_buy("ETH", D(50), "test")
    assert desk.active().held == held
    slot.change(pause=Pause(cause="sold_by_you", since_ms=1))
    assert desk.engine.desk.quick_buy("ETH", D(50), "test")["outcome"] == "filled"


def test_parameters_change_a_running_cycle_at_once_and_a_bad_one_changes_nothing(desk: Desk) -> None:
    before = desk.start()
    desk.engine.desk.set_params("ETH", {"profit_pct": "2", "steps": 2}, "test")
    after = desk.active()
    assert after.breakeven == before.breakeven
    assert after.take_profit > before.take_profit
    assert len(after.table.ahead) == 2
    for changes, field in (
        ({"steps": 101}, "steps"),
        ({"drop_step_pct": "150"}, "drop_step_pct"),
        ({"drop_reference": "start"}, "drop_reference"),
        ({"nonsense": 1}, "nonsense"),
        ({"profit_pct": "nan"}, "profit_pct"),
    ):
        with pytest.raises(CommandRefused) as refused:
            desk.engine.desk.set_params("ETH", changes, "test")
        assert (refused.value.field, refused.value.status) == (field, 400)
    assert desk.active() == after
    desk.engine.desk.set_params("ETH", {"profit_pct": None}, "test")
    assert desk.active().take_profit == before.take_profit


def test_a_budget_holds_the_step_that_would_pass_it(desk: Desk) -> None:
    desk.engine.desk.set_params("ETH", {"budget_quote": "20", "rebuy_pause_s": "0"}, "test")
    desk.start()
    desk.engine.until_price("ETH", "2450", "it needs money", lambda: desk.hold() == "needs_money")
    values = desk.engine.desk.coin("ETH")["hold"]["values"]
    assert values["needs"] == "14"
    assert D(values["has"]) < 14


def test_limits_of_all_markets_together_hold_starts(desk: Desk) -> None:
    desk.engine.desk.set_limits(None, 1, "test")
    desk.start()
    desk.engine.desk.switch("SOL", "on", "test")
    desk.engine.until_price("SOL", "140", "the limit", lambda: desk.hold("SOL") == "limit_reached")
    desk.engine.desk.set_limits(D(15), 0, "test")
    assert desk.engine.desk.limits() == {"total_budget": "15", "max_active_cycles": 0}
    desk.engine.until_price("SOL", "140", "the budget", lambda: desk.hold("SOL") == "needs_money")


def test_a_share_of_the_balance_becomes_the_start_amount(desk: Desk) -> None:
    desk.engine.desk.set_params("ETH", {"start_balance_pct": "5"}, "test")
    cycle = desk.start()
    assert cycle.params.start_quote == D("50.00")
    assert D("49") < cycle.invested <= D(50)
    assert cycle.table.ahead[0].quote == D(70)


def test_an_unknown_coin_or_mode_is_refused_by_name(desk: Desk) -> None:
    for wish, status in (
        (lambda: desk.engine.desk.switch("NOPE", "on", "test"), 404),
        (lambda: desk.engine.desk.switch("ETH", "maybe", "test"), 400),
        (lambda: desk.engine.desk.sell_all("ETH", "dance", "test"), 400),
        (lambda: desk.engine.desk.switch("ETH_BTC", "on", "test"), 404),
        (lambda: desk.engine.desk.switch("<img src=x>", "on", "test"), 400),
    ):
        with pytest.raises(CommandRefused) as refused:
            wish()
        assert refused.value.status == status


def test_a_jump_reaches_no_decision_before_it_is_confirmed(desk: Desk) -> None:
    """M8: one wild tick sells nothing; the paper book agrees with the old price."""
    cycle = desk.start()
    market, tick = RULES[0].market, RULES[0].tick
    wild = a_price(market, D(9000), tick)
    desk.engine.feed._on_quote(wild)  # type: ignore[misc]
    desk.engine.until("it was refused", lambda: desk.engine.floor.board.newest(market).ask < 3000)  # type: ignore[union-attr]
    assert desk.active() == cycle


def test_m17_a_redenominated_coin_is_halted_until_its_owner_resumes_it(desk: Desk) -> None:
    """1000 new coins for each old one, at a thousandth of the price: no rebuy, no Quick buy; then it goes on."""
    cycle = desk.start()
    balances = desk.paper.books()
    desk.paper.restore({**balances, "ETH": balances["ETH"] * 1000})
    desk.engine.feed.tell(a_price(desk.engine.slot("ETH").market, D("2.5"), D("0.01"), from_book_read=True))
    desk.engine.until_price("ETH", "2.5", "the leap is seen", lambda: desk.hold() == "price_leaped")
    for _ in range(20):
        desk.engine.price("ETH", "2.5")
    with pytest.raises(CommandRefused) as refused:
        desk.engine.desk.quick_buy("ETH", D(20), "test")
    assert refused.value.code == "price_leaped"
    assert desk.active() == cycle, "nothing was bought or sold"
    desk.engine.until("its owner is told", lambda: "price_leaped" in {one.code for one in desk.engine.told})
    desk.engine.desk.resume_cycle("ETH", "test")
    desk.engine.until_price("ETH", "2.5", "the owner said that it is right", lambda: desk.hold() != "price_leaped")


def test_m17_a_leap_while_the_program_was_away_is_seen_at_the_start(tmp_path: Path) -> None:
    paper = PaperExchange(RULES, {"USDT": D(1000)}, clock=SystemClock())
    with an_engine(tmp_path, paper) as engine:
        Desk(engine, paper).start()
    with an_engine(tmp_path, paper) as engine:
        one = Desk(engine, paper)
        engine.until_price("ETH", "2.5", "the leap is seen", lambda: one.hold() == "price_leaped")
        engine.until_price("ETH", "2500", "the right price is back", lambda: one.hold() != "price_leaped")


def test_a_quick_buy_beyond_a_limit_is_refused_with_its_name_and_sales_never_are(desk: Desk) -> None:
    """The limit is journalled, told with its value, and ends when the owner changes it; a sale passes it."""
    desk.start()
    told = desk.engine.desk.set_order_limits({"coin_orders_5min": 1}, "test")
    assert (told["limits"]["coin_orders_5min"], told["defaults"]["coin_orders_5min"]) == (1, 10)
    with pytest.raises(
        CommandRefused, match=r"bought 1 times in 5 minutes, it was 1 times.*coin_orders_5min"
    ) as refused:
        desk.engine.desk.quick_buy("ETH", D(10), "test")
    assert refused.value.code == "limit_reached"
    assert refused.value.values["which"] == "coin_orders_5min"
    desk.engine.until_price("ETH", "2300", "the rebuy is held too", lambda: desk.hold() == "limit_reached")
    desk.engine.until("its owner is told", lambda: "limit_reached" in {one.code for one in desk.engine.told})
    values = desk.engine.desk.coin("ETH")["hold"]["values"]
    assert (values["which"], values["most"], values["is_now"]) == ("coin_orders_5min", "1", "1")
    assert desk.engine.desk.sell_all("ETH", "pause", "test")["outcome"] == "filled"
    with pytest.raises(CommandRefused, match="order_rows") as refused:
        desk.engine.desk.quick_buy("ETH", D(900), "test")
    desk.engine.desk.set_order_limits({"coin_orders_5min": 0, "order_rows": "0"}, "test")
    assert desk.engine.desk.quick_buy("ETH", D(500), "test")["outcome"] == "filled"
    with pytest.raises(CommandRefused, match="band_pct") as refused:
        desk.engine.desk.set_order_limits({"band_pct": "-1"}, "test")
    assert refused.value.code == "bad_limit"


def test_limits_of_buys_and_their_counts_survive_a_restart(tmp_path: Path) -> None:
    paper = PaperExchange(RULES, {"USDT": D(1000)}, clock=SystemClock())
    with an_engine(tmp_path, paper) as engine:
        one = Desk(engine, paper)
        one.start()
        engine.desk.set_order_limits({"coin_orders_day": 1, "band_pct": "0"}, "test")
    with an_engine(tmp_path, paper) as engine:
        engine.until_price("ETH", "2300", "held at once", lambda: Desk(engine, paper).hold() == "limit_reached")
        assert engine.desk.order_limits()["limits"]["band_pct"] == "0"
        assert len(Desk(engine, paper).active().bought) == 1


def test_a_person_sells_at_breakeven_and_may_take_that_back(desk: Desk) -> None:
    """The threshold moves to breakeven, both fees included; nothing is sold below it, and the cycle closes there."""
    cycle = desk.start()
    engine = desk.engine
    with pytest.raises(CommandRefused) as refused:
        engine.desk.exit_at_breakeven("BTC", True, "test")
    assert refused.value.code == "no_cycle"
    engine.desk.exit_at_breakeven("ETH", True, "test")
    view = engine.desk.coin("ETH")
    assert (view["exit_at_breakeven"], view["take_profit"]) == (True, view["breakeven"])
    engine.desk.exit_at_breakeven("ETH", False, "test")
    assert D(engine.desk.coin("ETH")["take_profit"]) == cycle.take_profit
    engine.desk.exit_at_breakeven("ETH", True, "test")
    engine.desk.switch("ETH", "finish", "test")
    just_below = cycle.breakeven - RULES[0].tick
    engine.until_price("ETH", just_below, "a hold", lambda: desk.hold() == "between_steps")
    assert desk.active().held == cycle.held
    engine.until_price("ETH", cycle.breakeven, "a sale", lambda: engine.state("ETH") == "IDLE")
    [closed] = engine.desk.cycle_history("ETH", 5)
    assert closed["closed_by"] == "take_profit"
    assert D(closed["realised"]) >= 0
    assert cycle.breakeven < cycle.take_profit


def test_the_wish_to_sell_at_breakeven_survives_a_restart(tmp_path: Path) -> None:
    paper = PaperExchange(RULES, {"USDT": D(1000)}, clock=SystemClock())
    with an_engine(tmp_path, paper) as engine:
        one = Desk(engine, paper)
        engine.until_price("ETH", "2500", "a price", lambda: engine.floor.board.newest(RULES[0].market) is not None)
        one.start()
        engine.desk.exit_at_breakeven("ETH", True, "test")
    with an_engine(tmp_path, paper) as engine:
        assert engine.desk.coin("ETH")["exit_at_breakeven"] is True


def test_an_adoption_is_told_before_it_is_done(desk: Desk) -> None:
    """The same figures as the cycle that it then makes; asking changes nothing."""
    desk.start()
    desk.engine.desk.reset_cycle("ETH", "test")
    told = desk.engine.desk.adoption("ETH", price=D(2550), from_trades=False)
    assert desk.engine.state("ETH") == "IDLE"
    desk.engine.desk.adopt("ETH", price=D(2550), from_trades=False, by="test")
    cycle = desk.active()
    assert D(told["coins"]) == cycle.held
    assert D(told["breakeven_after"]) == cycle.breakeven
    assert D(told["take_profit_after"]) == cycle.sell_price
    assert cycle.next_step is not None
    assert D(told["next_buy"]["price"]) == cycle.next_step.price
    assert told["sells_now"] is False
    with pytest.raises(CommandRefused) as refused:
        desk.engine.desk.adoption("ETH", price=None, from_trades=False)
    assert refused.value.code == "nothing_outside"


def test_the_order_book_has_running_sums_and_marks_what_the_position_would_eat(desk: Desk) -> None:
    book = desk.engine.desk.order_book("ETH")
    assert book["own"] == "0"
    assert not any(level["own"] for level in book["bids"])
    cycle = desk.start()
    desk.engine.until("a fresh book", lambda: desk.engine.desk.order_book("ETH")["own"] != "0")
    book = desk.engine.desk.order_book("ETH")
    prices = [D(level["price"]) for level in book["bids"]]
    assert prices == sorted(prices, reverse=True)
    assert D(book["asks"][0]["price"]) - prices[0] == D(book["spread"])
    coins = quote = D(0)
    for level in book["bids"]:
        assert level["own"] == (coins < D(book["own"]))
        coins, quote = coins + D(level["amount"]), quote + D(level["amount"]) * D(level["price"])
        assert (D(level["sum"]), D(level["sum_quote"])) == (coins, quote)
    assert D(book["own"]) <= cycle.held
    assert not any(level["own"] for level in book["asks"])


def test_named_ladders_are_kept_loaded_and_forgotten(tmp_path: Path) -> None:
    """Whole ladders, checked when kept; they outlive the program and change no coin."""
    paper = PaperExchange(RULES, {"USDT": D(1000)}, clock=SystemClock())
    with an_engine(tmp_path, paper) as engine:
        before = engine.desk.params("ETH")
        engine.desk.save_preset(
            "  Спокойная   лесенка ", {"steps": 4, "profit_pct": "1.5", "budget_quote": None}, "test"
        )
        engine.desk.save_preset("bold", {"steps": 2}, "test")
        engine.desk.save_preset("bold", {"steps": 3}, "test")
        with pytest.raises(CommandRefused) as refused:
            engine.desk.save_preset("bad", {"drop_step_pct": "100"}, "test")
        assert (refused.value.code, refused.value.field) == ("bad_ladder", "drop_step_pct")
        for name in ("", " \t ", "a\u202eb", "x" * 41):
            with pytest.raises(CommandRefused) as refused:
                engine.desk.save_preset(name, {"steps": 4}, "test")
            assert refused.value.field == "name"
        assert engine.desk.params("ETH") == before
    with an_engine(tmp_path, paper) as engine:
        kept = engine.desk.presets()["presets"]
        assert list(kept) == ["balanced", "bold", "careful", "eager", "Спокойная лесенка"]
        assert (kept["bold"]["steps"], kept["Спокойная лесенка"]["profit_pct"]) == (3, "1.5")
        assert kept["bold"]["size_multiplier"] == "1.4"
        engine.desk.delete_preset("bold", "test")
        with pytest.raises(CommandRefused) as refused:
            engine.desk.delete_preset("bold", "test")
        assert refused.value.status == 404
        for name in SHIPPED:
            engine.desk.delete_preset(name, "test")
    with an_engine(tmp_path, paper) as engine:
        assert list(engine.desk.presets()["presets"]) == ["Спокойная лесенка"], "deleted ones stay deleted"


def test_the_ladders_that_come_with_the_program_fit_a_market_and_cost_what_is_said(tmp_path: Path) -> None:
    """What docs/BACKTESTING.md says of them; whoever changes one runs the search again."""
    paper = PaperExchange(RULES, {"USDT": D(1000)}, clock=SystemClock())
    with an_engine(tmp_path, paper) as engine:
        kept = engine.desk.presets()["presets"]
    costs = {}
    for name, values in kept.items():
        params = changed(LadderParams(), values)
        assert (params.drop_step_pct, params.drop_growth_pct, params.size_multiplier) == (8, 4, D("1.3"))
        costs[name] = round(sum((10 * params.size_multiplier**step for step in range(params.steps + 1)), D(0)))
    assert costs == {"careful": 976, "balanced": 564, "eager": 320}


def test_fills_of_one_cycle_can_be_asked_for(desk: Desk) -> None:
    """With the price each order was decided on beside the one it got."""
    first = desk.start()
    desk.engine.until_price(
        "ETH", first.take_profit, "a sale", lambda: desk.engine.desk.coin("ETH")["completed_cycles"]
    )
    second = desk.start()
    assert second.cycle_id > first.cycle_id
    reports = desk.engine.desk.reports
    trades = reports.trades(Which(market=RULES[0].market, cycle_id=first.cycle_id), 100)
    assert {trade["cycle_id"] for trade in trades} == {first.cycle_id}
    assert {trade["side"] for trade in trades} == {"buy", "sell"}
    assert all(D(trade["promised"]) > 0 for trade in trades)


def test_a_quick_buy_at_a_price_that_has_risen_since_it_was_shown_is_refused(desk: Desk) -> None:
    """Beyond the slippage that the ladder allows; a price that fell, or rose a little, is bought at."""
    ask = desk.engine.floor.board.newest(RULES[0].market).ask
    with pytest.raises(CommandRefused) as refused:
        desk.engine.desk.quick_buy("ETH", D(20), "test", ask * D("0.99"))
    assert refused.value.code == "price_moved"
    assert desk.engine.state("ETH") == "IDLE"
    done = desk.engine.desk.quick_buy("ETH", D(20), "test", ask * D("0.999"))
    assert done["outcome"] == "filled"
    assert D(done["average"]) == D(done["quote"]) / D(done["base"])
