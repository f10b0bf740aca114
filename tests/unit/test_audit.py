"""The auditor of process runs sees each kind of difference; otherwise its silence would mean nothing."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator.server import AccountView, Simulator
from tests import audit
from tests.engine import Engine, a_price
from tests.gate import a_gate_exchange, an_account_feed

ETH = rules_for("ETH")
Change = Callable[[audit.Books, AccountView], tuple[audit.Books, AccountView]]


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> tuple[audit.Books, AccountView]:
    """A true run: a whole cycle and the start of the next."""
    folder = tmp_path_factory.mktemp("truth")
    with Simulator([ETH], {"USDT": 1000}) as sim:
        sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
        exchange = a_gate_exchange(sim)
        with Engine(exchange, sim.feed, [ETH.market], folder, account_feed=an_account_feed(sim, exchange)) as engine:
            engine.price("ETH", "2500")
            engine.desk.switch("ETH", "on", "test")
            engine.until_price("ETH", "2500", "a start", lambda: engine.state("ETH") == "ACTIVE")
            tally = lambda: engine.slot("ETH").state.cycle.tally  # noqa: E731
            engine.until_price("ETH", "2600", "a sale", lambda: tally().completed == 1)
            engine.desk.switch("ETH", "off", "test")
        return audit.read(folder / "journal.sqlite3"), sim.account()


def test_a_true_run_has_no_differences(truth: tuple[audit.Books, AccountView]) -> None:
    books, account = truth
    assert audit.differences(books, account) == []
    sale = next(one for one in account.trades if one.side is Side.SELL)
    assert Decimal(0) < books.realised("ETH_USDT") < sale.quote


def _fill(**changes: Any) -> Change:
    return lambda books, account: (replace(books, fills=[dict(books.fills[0]) | changes, *books.fills[1:]]), account)


def _attempt(**changes: Any) -> Change:
    def change(books: audit.Books, account: AccountView) -> tuple[audit.Books, AccountView]:
        return replace(books, attempts=[dict(books.attempts[0]) | changes, *books.attempts[1:]]), account

    return change


def _bought_again(books: audit.Books, account: AccountView) -> tuple[audit.Books, AccountView]:
    """The exchange carried the first order out a second time."""
    first = account.trades[0]
    again = replace(first, id=first.id + 100, order_id=first.order_id + 100)
    return books, replace(account, trades=(*account.trades, again))


def _unlabelled(books: audit.Books, account: AccountView) -> tuple[audit.Books, AccountView]:
    return books, replace(account, trades=(replace(account.trades[0], text="web"), *account.trades[1:]))


PLANTED: dict[str, tuple[Change, str]] = {
    "a lost fill": (lambda books, account: (replace(books, fills=books.fills[1:]), account), "but not booked"),
    "a made-up fill": (_fill(trade_id="77777"), "no trade of the exchange"),
    "a digit": (_fill(quote="9.99999999"), "no trade of the exchange"),
    "a fee": (_fill(fee="0"), "no trade of the exchange"),
    "booked twice": (lambda b, a: (replace(b, fills=[*b.fills, b.fills[0]]), a), "is booked 2 times"),
    "no intent": (lambda b, a: (replace(b, attempts=b.attempts[1:]), a), "has no intent"),
    "another amount": (_attempt(amount="11"), "not what was intended"),
    "still open": (_attempt(state="unknown"), "is still unknown"),
    "bought twice": (_bought_again, "was bought 2 times"),
    "foreign": (_unlabelled, "has no label of ours"),
    "sold too much": (_unlabelled, "sold more than was bought"),
    "another result": (
        lambda b, a: (replace(b, events=[*b.events[:-1], dict(b.events[-1]) | {"realised": "1"}]), a),
        "the exchange's trades make",
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_difference_is_found(truth: tuple[audit.Books, AccountView], planted: str) -> None:
    change, what = PLANTED[planted]
    found = audit.differences(*change(*truth))
    assert any(what in one for one in found), found


def test_reading_changes_nothing(tmp_path: Path) -> None:
    """Even a database that does not exist is not made."""
    with pytest.raises(Exception, match="unable to open"):
        audit.read(tmp_path / "none.sqlite3")
    assert list(tmp_path.iterdir()) == []
