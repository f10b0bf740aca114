"""What a watchdog concludes: silence, ill health, ends, back-off, and when the dead man's switch sells."""

import pytest

from autotrader_v2.app.heartbeat import Vitals
from autotrader_v2.app.vigilance import Again, DeadMan, Done, Finding, GiveUp, Patience, Watch, after_end
from autotrader_v2.app.watchdog import POLL_S, STACKS_WAIT_S

P = Patience()
WELL = Vitals(phase="running", open_cycles=1)
ILL = Vitals(phase="running", ok=False, unwell=("feed",))


def looks(watch: Watch, *steps: tuple[float, object, Vitals | None]) -> list[list[Finding]]:
    """Let it look at these moments."""
    return [watch.look(*step) for step in steps]


def test_p13_silence_is_told_once_and_then_ended() -> None:
    """Told after 5 s, ended after 6.5 s, as far as a look every second sees it."""
    watch = Watch(P, 0.0)
    found = looks(watch, *((float(n), 1, WELL) for n in range(1, 11)))
    # Its only beat is seen at 1 s: 6 s silent at 7 s, 7 s silent at 8 s.
    assert found == [[], [], [], [], [], [], [Finding.SILENT], [Finding.HUNG], [], []]


def test_p13_a_silent_engine_is_ended_within_ten_seconds() -> None:
    """Whenever it falls silent between two looks, and however late a look is: the times add up."""
    look_s = P.look_every_s + POLL_S
    for phase in range(100):
        watch, hung_s = Watch(P, 0.0), look_s * phase / 100
        now_s, found = 0.0, False
        while not found:
            now_s += look_s
            found = Finding.HUNG in watch.look(now_s, min(now_s, hung_s), WELL, 7.0)
        assert now_s + STACKS_WAIT_S - hung_s <= 10.0


@pytest.mark.parametrize(("used_s", "hung"), [(0.0, True), (0.3, False), (6.0, True), (None, True)])
def test_p13_silence_of_an_engine_that_gets_little_processor_is_told_and_no_hang(
    used_s: float | None, hung: bool
) -> None:
    """Standing still or looping it hangs; computing now and then it starves, which ending it would not mend."""
    watch = Watch(P, 0.0)
    found = [watch.look(1.0, 1, WELL, None if used_s is None else 50.0)]
    found += [watch.look(float(n), 1, WELL, None if used_s is None else 50.0 + used_s) for n in range(2, 15)]
    assert [Finding.SILENT] in found
    assert ([Finding.HUNG] in found) is hung
    later = [watch.look(float(n), 1, WELL, None if used_s is None else 50.5) for n in range(15, 70)]
    assert [Finding.HUNG] in found + later, "nobody starves for a minute"


def test_every_beat_is_a_sign_of_life_and_silence_is_told_anew_after_one() -> None:
    """A mark that changes is life, whatever it says."""
    watch = Watch(P, 0.0)
    assert not any(looks(watch, *((3.0 * n, n, WELL) for n in range(1, 30))))
    assert looks(watch, (90.0, 29, WELL), (93.0, 29, WELL))[-1] == [Finding.SILENT]
    assert looks(watch, (95.0, 30, WELL), (98.0, 30, WELL), (101.0, 30, WELL))[-1] == [Finding.SILENT]


def test_a_start_gets_its_time_before_the_first_beat() -> None:
    """A slow machine imports for a while; a start that hangs is ended all the same."""
    watch = Watch(P, 0.0)
    assert not any(looks(watch, *((3.0 * n, None, None) for n in range(1, 21))))
    assert watch.look(63.0, None, None) == [Finding.SILENT, Finding.HUNG]


def test_m13_after_a_sleep_of_the_machine_nobody_is_taken_for_dead() -> None:
    """The watchdog slept too: the silence of that time says nothing."""
    watch = Watch(P, 0.0)
    assert not any(looks(watch, (3.0, 1, WELL), (6.0, 2, WELL), (7206.0, 2, WELL), (7209.0, 3, WELL)))


def test_e13_ill_health_is_told_after_a_minute_once_and_so_is_recovery() -> None:
    """A short stumble is none of the person's business."""
    watch = Watch(P, 0.0)
    stumble = looks(watch, (3.0, 1, ILL), (6.0, 2, ILL), (9.0, 3, WELL))
    ill = looks(watch, *((12.0 + 3 * n, 4 + n, ILL) for n in range(30)))
    well = looks(watch, (105.0, 40, WELL), (108.0, 41, WELL))
    assert not any(stumble)
    assert [one for one in ill if one] == [[Finding.UNWELL]]
    assert ill.index([Finding.UNWELL]) == 21
    assert well == [[Finding.WELL], []]


def test_an_engine_that_could_not_start_is_unwell() -> None:
    """It lives and serves its page, but trades nothing."""
    watch = Watch(P, 0.0)
    failed = Vitals(phase="failed")
    found = looks(watch, *((3.0 * n, n, failed) for n in range(1, 30)))
    assert [Finding.UNWELL] in found


@pytest.mark.parametrize("exit_code", [1, 70, -9, -11, 3221225477])
def test_a_crash_is_started_again_with_growing_pauses_until_it_gives_up(exit_code: int) -> None:
    """1 s, 2 s, 4 s … at most 5 min; ten short lives in a row are enough."""
    pauses: list[float] = []
    failures = 0
    while isinstance(step := after_end(P, exit_code, 5.0, failures), Again):
        failures = step.failures
        pauses.append(step.after_s)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert step == GiveUp(11)


def test_a_long_life_forgives_what_was_before() -> None:
    """A crash a day is not ten in a row."""
    assert after_end(P, 1, 3600.0, 9) == Again(1.0, 1)


@pytest.mark.parametrize(("exit_code", "end"), [(0, 0), (130, 130), (-2, 130)])
def test_what_a_person_ended_stays_ended(exit_code: int, end: int) -> None:
    """Stop, Ctrl-C, a second Ctrl-C."""
    assert after_end(P, exit_code, 1.0, 0) == Done(end)


def test_refused_settings_are_not_tried_again() -> None:
    """They would be refused again."""
    assert after_end(P, 2, 0.5, 0) == GiveUp(1)


def test_the_dead_man_sells_only_when_chosen_with_open_cycles_and_after_his_time() -> None:
    """Off by default; no coins, no sale; a sign of a working engine starts his time anew."""
    assert not DeadMan(0, 0.0, 3).due(1e9)
    assert not DeadMan(10, 0.0, 0).due(1e9)
    dead_man = DeadMan(10, 0.0, None)
    assert not dead_man.due(599.0)
    assert dead_man.due(600.0), "not knowing is no reason to leave coins alone"
    dead_man.seen(500.0, WELL)
    assert not dead_man.due(1099.0)
    assert dead_man.due(1100.0)
    dead_man.seen(1099.0, Vitals(phase="stopped", open_cycles=0))
    assert not dead_man.due(1e9)


def test_the_dead_man_knows_that_a_coin_may_have_been_bought_after_the_last_sign_of_life() -> None:
    """Beats are a second apart: an engine that bought and died between two of them said that it held nothing."""
    dead_man = DeadMan(10, 0.0, 2)
    dead_man.seen(0.0, Vitals(phase="running", markets_on=1, open_cycles=0))
    assert dead_man.due(600.0)
    dead_man.seen(600.0, Vitals(phase="running", open_orders=1, open_cycles=0))
    assert dead_man.due(1200.0)
    dead_man.seen(1200.0, Vitals(phase="running", open_cycles=0))
    assert dead_man.armed, "nothing was on; a person may have bought, or switched a coin on that bought at once"
    dead_man.seen(1800.0, Vitals(phase="stopped", open_cycles=0))
    assert not dead_man.armed, "one that stopped as asked has said its last word"


def test_an_engine_that_lives_but_could_not_start_does_not_hold_the_dead_man_back() -> None:
    """Its page is up, its coins are watched by nobody. One that still asks the exchange is at work."""
    dead_man = DeadMan(10, 0.0, 2)
    dead_man.seen(300.0, Vitals(phase="failed"))
    assert dead_man.due(600.0)
    dead_man.seen(600.0, Vitals(phase="starting"))
    assert not dead_man.due(1199.0)


def test_a_sleep_of_the_machine_sells_nothing() -> None:
    """M13: hours in a bag are no failure to bring the engine back."""
    dead_man = DeadMan(10, 0.0, 2)
    dead_man.slept(7200.0)
    assert not dead_man.due(7260.0)
