"""The machine's clock may be set while money is at work."""

from dataclasses import dataclass

from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.server_time import ServerTime


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


def test_m12_m13_a_sleep_counts_whole_though_the_clock_was_set_back_before() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.now_ms()
    machine.wall_ms -= 30_000
    confirmed_ms = clock.now_ms()
    machine.runs(1)
    machine.wall_ms += 3_900  # asleep: the running clock stood still
    assert clock.now_ms() - confirmed_ms == 4_899
    # And a clock set right again hides no later sleep.
    machine.wall_ms += 30_000
    confirmed_ms = clock.now_ms()
    machine.wall_ms += 2_000
    assert clock.now_ms() - confirmed_ms == 2_000


def test_p19_a_thread_that_was_stopped_between_two_readings_is_no_leap() -> None:
    machine = Machine()
    starved = iter((0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0))

    def running_s() -> float:
        machine.runs(next(starved))
        return machine.running_s

    clock = SystemClock(lambda: machine.wall_ms, running_s)
    for _ in range(5):
        assert abs(clock.now_ms() - machine.wall_ms) <= 1


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


def test_setting_our_clock_does_not_set_the_exchanges() -> None:
    """An order's expiry and the proof of its absence count by the exchange's time."""
    machine = Machine()
    server = ServerTime(machine.clock())
    server.measured(machine.wall_ms + 5_000, machine.running_s)
    true_ms = machine.wall_ms + 5_000
    for step_ms in (300_000, -600_000):
        machine.wall_ms += step_ms
        assert server.now_ms() == true_ms


def test_after_a_sleep_the_exchanges_time_is_behind_until_it_is_measured() -> None:
    """Behind is safe: orders expire too early, absence is proven too late."""
    machine = Machine()
    server = ServerTime(machine.clock())
    server.measured(machine.wall_ms, machine.running_s)
    before_ms = server.now_ms()
    machine.wall_ms += 3_600_000
    assert server.now_ms() == before_ms
    server.measured(machine.wall_ms, machine.running_s)
    assert server.now_ms() == machine.wall_ms


def test_the_quickest_measurement_counts() -> None:
    machine = Machine()
    server = ServerTime(machine.clock())
    server.measured(machine.wall_ms + 100, machine.running_s)
    began_s = machine.running_s
    machine.runs(2)
    server.measured(machine.wall_ms + 100, began_s)
    assert server.now_ms() == machine.wall_ms + 100
