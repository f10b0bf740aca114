"""The machine's clock may be set while money is at work."""

from dataclasses import dataclass

from autotrader_v2.infrastructure.clock import SystemClock


@dataclass
class Machine:
    """A machine whose two clocks the test sets."""

    wall_ms: int = 1_800_000_000_000
    running_s: float = 100.0

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall_ms, lambda: self.running_s)

    def runs(self, seconds: float) -> None:
        self.wall_ms += int(seconds * 1000)
        self.running_s += seconds


def test_a_clock_set_back_does_not_make_old_prices_young() -> None:
    machine = Machine()
    clock = machine.clock()
    confirmed_ms = clock.now_ms()
    machine.runs(10)
    machine.wall_ms -= 300_000
    assert 9_900 <= clock.now_ms() - confirmed_ms <= 10_000
    machine.runs(10)
    assert 19_900 <= clock.now_ms() - confirmed_ms <= 20_000


def test_a_clock_set_forward_and_the_sleep_of_a_machine_are_followed_at_once() -> None:
    machine = Machine()
    clock = machine.clock()
    before_ms = clock.now_ms()
    machine.wall_ms += 3_600_000  # asleep: the running clock stood still
    assert clock.now_ms() - before_ms == 3_600_000


def test_a_clock_that_was_wrong_is_right_again_after_some_days() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.now_ms()
    machine.wall_ms -= 60_000
    clock.now_ms()
    for _ in range(24):
        machine.runs(3600)
        clock.now_ms()
    assert clock.now_ms() == machine.wall_ms
