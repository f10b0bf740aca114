"""Row E13: when a person hears that the exchange is slow, comparing takes long, or no price comes. The real engine.

An averaging engine has no signals to miss: what it lives by are prices, and their silence is told within seconds.
"""

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_vigil import Scene, a_scene


def slowed(scene: Scene, monkeypatch: pytest.MonkeyPatch, took_s: list[float]) -> list[float]:
    """Readings of the balances take so long, one after the other, and then no time; returns those not yet taken."""
    ordinary = scene.exchange.balances
    left = list(took_s)

    def balances() -> Any:
        scene.machine.slept_s += left.pop(0) if left else 0.0
        return ordinary()

    monkeypatch.setattr(scene.exchange, "balances", balances)
    return left


def asked_often(scene: Scene, left: list[float]) -> None:
    """Have the balances read until all that was slowed is through, and look at the engine all the while."""

    def through() -> bool:
        scene.engine.floor.want_balances.set()
        scene.engine.trader._vigil.look()
        return not left

    scene.until("they were read", through)


def test_e13_an_exchange_that_answers_slowly_again_and_again_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three of the last five calls longer than a second: told once, with how long; quick again, it is well."""
    with a_scene(tmp_path, reconcile_s=3600.0) as scene:
        asked_often(scene, slowed(scene, monkeypatch, [1.2, 1.6, 1.1, 1.1, 1.1, 1.1]))
        assert len(scene.told("exchange_slow")) == 1
        assert int(scene.told("exchange_slow")[0]["ms"]) >= 1_100
        asked_often(scene, slowed(scene, monkeypatch, [0.0] * 5))
        scene.until("it is well", lambda: scene.part("exchange").ok)
        assert len(scene.told("exchange_slow")) == 1


def test_e13_a_slow_answer_now_and_then_is_nobodys_business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of five, and any number below a second."""
    with a_scene(tmp_path, reconcile_s=3600.0) as scene:
        asked_often(scene, slowed(scene, monkeypatch, [1.5, 0.4, 0.4, 1.5, 0.4, 0.4, 0.4]))
        scene.engine.trader._vigil.look()
        assert scene.part("exchange").ok
        assert scene.told("exchange_slow") == []


@pytest.mark.parametrize(("after_s", "told"), [(8.0, False), (10.5, True)])
def test_e13_a_comparison_that_takes_over_ten_seconds_is_told_while_it_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after_s: float, told: bool
) -> None:
    """Told with how long it takes already, not only when it has ended."""
    with a_scene(tmp_path, reconcile_s=3600.0) as scene:
        entered, go_on = threading.Event(), threading.Event()
        ordinary = scene.exchange.account_trades

        def account_trades(since_ms: int) -> Any:
            entered.set()
            go_on.wait(30)
            return ordinary(since_ms)

        monkeypatch.setattr(scene.exchange, "account_trades", account_trades)
        scene.engine.floor.want_reconcile.set()
        try:
            assert entered.wait(15)
            # In steps: a leap of the clock would be a machine that slept.
            for _ in range(int(after_s * 2)):
                scene.machine.slept_s += 0.5
                scene.engine.trader._vigil.look()
            assert bool(scene.told("compared_slow")) is told
            assert (scene.part("compared").code == "slow") is told
        finally:
            go_on.set()
        scene.until("it is well", lambda: scene.part("compared").ok)
        assert len(scene.told("compared_slow")) == told


def test_e13_prices_that_do_not_come_any_more_are_told(tmp_path: Path) -> None:
    """After fifteen seconds without any; nothing is decided on old ones long before."""
    with a_scene(tmp_path, reconcile_s=3600.0) as scene:
        scene.prices()
        for step in range(40):
            scene.machine.slept_s += 0.5
            scene.engine.trader._vigil.look()
            if step == 26:
                assert scene.told("feed_silent") == [], "not yet"
        assert len(scene.told("feed_silent")) == 1
        scene.until("it is well", lambda: scene.part("feed").ok)
