"""What the auditor itself got wrong once, in worlds in which the engine had done right."""

import random
from dataclasses import replace

import pytest

from autotrader_v2.application.events import AttemptClosed, Intended, Outcome
from autotrader_v2.domain.limits import OrderLimits
from autotrader_v2.simulation.auditor import Auditor
from autotrader_v2.simulation.fibers import Hub
from autotrader_v2.simulation.heard import Books, Broken, KnownOrder
from autotrader_v2.simulation.limits_judge import LimitsJudge
from tests.builders import ETH, NOW_MS, RULES, a_quote, an_intent

BUY = an_intent(cycle_id=6)


def hears(judge: LimitsJudge, bid: str, ask: str, began_ms: int, seconds: int) -> int:
    """That price, told once a second; the moment after."""
    for second in range(seconds):
        at_ms = began_ms + second * 1000
        judge.quoted(a_quote(bid, ask, exchange_ms=at_ms, confirmed_ms=at_ms, from_book_read=True))
    return began_ms + seconds * 1000


def test_m8_a_coin_that_is_back_in_the_list_has_no_median_of_before() -> None:
    """Worlds 6412742, 6612797, 6413481: the engine had forgotten the prices of before it left, the auditor had not."""
    judge = LimitsJudge(Books([ETH]))
    judge.set({**OrderLimits.none().as_text(), "band_pct": "5"})
    judge.booted()
    now_ms = hears(judge, "2499.99", "2500", NOW_MS, 90)
    judge.check(KnownOrder(BUY), None, now_ms)
    now_ms = hears(judge, "3499.99", "3500", now_ms, 3)
    with pytest.raises(Broken, match=r"5 % around 2499\.995 are allowed"):
        judge.check(KnownOrder(BUY), None, now_ms)
    judge.left(ETH)
    now_ms = hears(judge, "3499.99", "3500", now_ms, 3)
    judge.check(KnownOrder(BUY), None, now_ms)


@pytest.mark.parametrize(("copies", "closed"), [(1, True), (1, False), (0, True)])
def test_o8_a_copy_of_an_ended_order_may_buy_its_step_again_and_nothing_else_may(copies: int, closed: bool) -> None:
    """World 6412765: the network doubled a start, the first of both got nothing and was over, another start bought."""
    auditor = Auditor(Hub(random.Random(1), NOW_MS), [ETH])
    auditor.word.begins(RULES, {})
    auditor.committed([Intended(BUY)])
    auditor.orders[BUY.client_id].copies = copies
    if closed:
        auditor.committed([AttemptClosed(client_id=BUY.client_id, outcome=Outcome.UNFILLED, time_ms=NOW_MS)])
    auditor.open_of.clear()
    again = replace(BUY, client_id="t-s1m0-2.1")
    auditor.committed([Intended(again)])
    step = (ETH, 6, 0)
    auditor._check_step(step, again.client_id)
    if copies and closed:
        auditor._check_step(step, BUY.client_id)
        return
    with pytest.raises(Broken, match="step 0 of cycle 6 was bought twice"):
        auditor._check_step(step, BUY.client_id)
