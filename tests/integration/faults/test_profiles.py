"""The engine lives in the box under a whole profile; then all is well, every doubt ends, and the books agree."""

import random
import time
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.orders import Side
from autotrader_v2.simulator.faults.reading import read_plan
from tests.integration.faults.bench import MONEY, Bench, a_bench
from tests.integration.test_unknown_orders import QUICK_PROOF

D = Decimal
_LIVED_S = {"calm": 4.0, "gate_as_seen": 8.0, "hostile": 15.0}
# The exchange shows orders late here, and its balances later still.
PATIENT: TraderConfig = replace(QUICK_PROOF, visibility_ms=2_500, clock_error_ms=1_500, reconcile_confirm_s=4.0)


def walk(bench: Bench, rng: random.Random, lived_s: float) -> None:
    """Prices that go down a step or two and come back above the target, again and again."""
    price, ends_s = D(2500), time.monotonic() + lived_s
    while time.monotonic() < ends_s:
        price *= 1 + D(rng.choice((-6, -4, -2, 2, 4, 7))) / 1000
        price = min(max(price, D(2350)), D(2650)).quantize(D("0.01"))
        for _ in range(5):
            bench.price(price)
            time.sleep(0.02)


def resumed(bench: Bench) -> bool:
    """What the owner does about a halt once all is well: look, and let it go on."""
    if bench.pause() is not None:
        bench.engine.desk.resume_cycle("ETH", "test")
    if bench.engine.floor.account_pause is not None:
        bench.engine.desk.resume_cycle(None, "test")
    return bench.pause() is None and bench.engine.floor.account_pause is None


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("profile", ["calm", "gate_as_seen", "hostile"])
def test_o1_to_o22_and_m1_to_m12_under_a_profile_everything_is_booked_once(
    tmp_path: Path, profile: str, seed: int
) -> None:
    print(f"profile {profile}, seed {seed}")
    plan = read_plan(profile)
    with a_bench(tmp_path, streams=True, knobs=plan.knobs, config=PATIENT) as bench:
        bench.engine.desk.set_params("ETH", {"rebuy_pause_s": "0"}, "test")
        bench.on()
        bench.sim.faults.replace(plan.rules, seed)
        walk(bench, random.Random(seed), _LIVED_S[profile])
        struck = Counter(bench.sim.faults.counts)
        bench.sim.faults.clear()
        bench.until("2500", "every doubt ends", lambda: bench.engine.floor.in_flight == set(), patience_s=45)
        bench.engine.floor.want_reconcile.set()
        bench.until("2500", "nothing stays halted", lambda: resumed(bench), patience_s=30)
        bench.engine.desk.switch("ETH", "finish", "test")
        bench.until(
            "2900",
            "the last sale, with faults healed",
            lambda: resumed(bench) and bench.engine.state("ETH") == "IDLE",
            patience_s=45,
        )
        bench.until("2900", "the books agree", bench.agree)
        assert struck, "the profile did something"
        view = bench.sim.account()
        ours = [one for one in view.orders if one.text.startswith("t-")]
        assert len({one.text for one in ours}) == len(ours), "no label was carried out twice"
        booked = {label for label, how in bench.outcomes().items() if how in ("filled", "partly_filled")}
        filled = [one for one in ours if one.filled_base]
        assert {one.text for one in filled[-30:]} >= booked
        spent = sum(one.filled_quote * (1 if one.side is Side.BUY else -1) for one in filled)
        assert view.total("USDT") <= MONEY - spent, "money went nowhere else"
        assert not isinstance(bench.engine.slot("ETH").state.cycle, Active)
        assert not bench.sim.call(lambda core: core.imbalance())
