"""A study in a database: nobody repeats a trial, nobody's death loses one, and it stays what it was begun with."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from autotrader_v2.infrastructure.studies import Studies
from autotrader_v2.search.figures import Figures
from autotrader_v2.search.trials import Ask, Counts, StudyDiffers, StudyUnavailable, Trial

_ROOT = Path(__file__).resolve().parents[2]


def _url(folder: Path) -> str:
    return f"sqlite:///{(folder / 'studies.db').as_posix()}"


def _asks(count: int) -> list[Ask]:
    return [Ask(number, {"steps": str(number)}) for number in range(count)]


def _figures(number: int) -> Figures:
    return Figures(
        runs=1,
        span_ms=86_400_000,
        pnl_pct=number / 7,
        worst_pnl_pct=-1.5,
        drawdown_pct=3.25,
        mean_drawdown_pct=1,
        under_water_ms=5,
        capital_max=12.5,
        cycles_closed=3,
        cycles_open=1,
        ran_dry=0,
        unpaid=0,
        trades=9,
        hold_pnl_pct=0.1,
    )


def _done(ask: Ask) -> Trial:
    one = _figures(ask.number)
    return Trial(number=ask.number, point=ask.point, seen=one, segments=(one, one))


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    studies = Studies(_url(tmp_path))
    study = studies.open("one", {"seed": 1})
    study.offer(_asks(3))
    finished = [_done(_asks(3)[0]), Trial(number=2, point={"steps": "2"}, refused="too deep")]
    study.finish(finished)
    studies.close()
    again = Studies(_url(tmp_path))
    assert again.names() == ["one"]
    kept = again.existing("one")
    assert list(kept.trials()) == finished
    assert kept.about() == {"seed": 1}
    assert kept.counts() == Counts(waiting=1, running=0, done=1, refused=1, highest=2)
    with pytest.raises(KeyError):
        again.existing("two")


def test_the_newest_verdict_is_kept(tmp_path: Path) -> None:
    """Of each study its own; a database of before knows none."""
    studies = Studies(_url(tmp_path))
    one = studies.open("one", {})
    studies.open("other", {})
    assert one.verdict() is None
    one.judge({"tried": 1, "doubts": [{"code": "edge", "values": {"name": "steps"}}]})
    one.judge({"tried": 2, "doubts": []})
    studies.close()
    again = Studies(_url(tmp_path))
    assert again.existing("one").verdict() == {"tried": 2, "doubts": []}
    assert again.existing("other").verdict() is None
    again.close()
    with sa.create_engine(_url(tmp_path)).begin() as connection:
        connection.execute(sa.text("DROP TABLE search_verdicts"))
    assert Studies(_url(tmp_path)).existing("one").verdict() is None


def test_a_study_is_not_taken_up_with_other_data_or_ranges(tmp_path: Path) -> None:
    studies = Studies(_url(tmp_path))
    about = {"data": "BTC abc", "ranges": {"steps": ["2", "4"]}, "trials": 10}
    studies.open("mine", about)
    studies.open("mine", {**about, "trials": 99}, may_change=("trials",))
    with pytest.raises(StudyDiffers) as refused:
        studies.open("mine", {**about, "data": "BTC def", "ranges": {"steps": ["2", "8"]}})
    assert [one[0] for one in refused.value.differences] == ["data", "ranges"]
    assert "BTC abc there, BTC def here" in str(refused.value) and "Nothing was changed" in str(refused.value)


def test_a_trial_is_claimed_once(tmp_path: Path) -> None:
    study = Studies(_url(tmp_path)).open("one", {})
    study.offer(_asks(5))
    study.offer(_asks(6))
    assert [ask.number for ask in study.claim(3, "a")] == [0, 1, 2]
    assert [ask.number for ask in study.claim(9, "b")] == [3, 4, 5]
    assert study.claim(9, "c") == []
    study.release("a")
    assert [ask.number for ask in study.claim(9, "c")] == [0, 1, 2]
    assert study.counts() == Counts(waiting=0, running=6, done=0, refused=0, highest=5)


def test_claims_of_the_silent_are_taken_over_and_their_late_results_change_nothing(tmp_path: Path) -> None:
    studies = Studies(_url(tmp_path), lease_ms=-1)
    study = studies.open("one", {})
    study.offer(_asks(2))
    assert len(study.claim(2, "dead")) == 2
    taken = study.claim(2, "living")
    assert [ask.number for ask in taken] == [0, 1]
    study.finish([_done(ask) for ask in taken])
    first = list(study.trials())
    study.finish([Trial(number=0, point={"steps": "0"}, refused="late")])
    study.release("dead")
    assert list(study.trials()) == first


def test_an_owner_that_says_it_is_alive_keeps_its_claims(tmp_path: Path) -> None:
    study = Studies(_url(tmp_path), lease_ms=-1).open("one", {})
    study.offer(_asks(1))
    study.claim(1, "a")
    Studies(_url(tmp_path), lease_ms=60_000).existing("one").alive("a")
    assert study.claim(1, "b") == []


def test_threads_of_one_study_share_its_trials(tmp_path: Path) -> None:
    studies = Studies(_url(tmp_path))
    study = studies.open("one", {})
    study.offer(_asks(120))
    taken: dict[str, list[int]] = {name: [] for name in "abcd"}

    def work(name: str) -> None:
        while asks := study.claim(3, name):
            taken[name] += [ask.number for ask in asks]
            study.finish([_done(ask) for ask in asks])

    threads = [threading.Thread(target=work, args=(name,)) for name in taken]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(number for numbers in taken.values() for number in numbers) == list(range(120))
    assert study.counts().done == 120


_PROCESS = """
import sys
from autotrader_v2.infrastructure.studies import Studies
from tests.unit.test_studies import _done
study = Studies(sys.argv[1]).existing("one")
taken = []
while asks := study.claim(4, sys.argv[2]):
    taken += [ask.number for ask in asks]
    study.finish([_done(ask) for ask in asks])
print(*taken)
"""


def test_two_processes_share_the_trials_of_one_study_without_repeating_any(tmp_path: Path) -> None:
    study = Studies(_url(tmp_path)).open("one", {})
    study.offer(_asks(300))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, _url(tmp_path), name], cwd=_ROOT, stdout=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    taken = [[int(number) for number in one.communicate(timeout=120)[0].split()] for one in running]
    assert all(one.returncode == 0 for one in running)
    assert sorted(taken[0] + taken[1]) == list(range(300))
    assert [trial.number for trial in study.trials()] == list(range(300))


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "50% off #1 + ключи"
    folder.mkdir()
    Studies(folder / "studies.db").open("one", {}).offer(_asks(2))
    assert (folder / "studies.db").exists()
    assert Studies(folder / "studies.db").existing("one").counts().waiting == 2


def test_another_database_is_left_alone(tmp_path: Path) -> None:
    engine = sa.create_engine(_url(tmp_path))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE commits (id INTEGER)")
    with pytest.raises(StudyUnavailable, match="something else"):
        Studies(_url(tmp_path))
    assert sa.inspect(engine).get_table_names() == ["commits"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "not readable"),
        ("mysql://somebody:made-up-word@127.0.0.1/db", "SQLite or PostgreSQL"),
        ("postgresql+pg8000://somebody:made-up-word@127.0.0.1/db", "driver pg8000"),
        ("sqlite:////nowhere/at/all/studies.db", "cannot be used"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_its_password(url: str, why: str) -> None:
    with pytest.raises(StudyUnavailable, match=why) as told:
        Studies(url)
    assert "made-up-word" not in str(told.value)


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "studies.db").write_text("this is no database, only text" * 99, encoding="utf-8")
    with pytest.raises(StudyUnavailable, match="not a database"):
        Studies(_url(tmp_path))


def test_figures_are_kept_as_json_numbers(tmp_path: Path) -> None:
    study = Studies(_url(tmp_path)).open("one", {})
    study.offer(_asks(1))
    study.finish([_done(_asks(1)[0])])
    with sa.create_engine(_url(tmp_path)).connect() as connection:
        text = connection.exec_driver_sql("SELECT result FROM search_trials").scalar_one()
    assert json.loads(text)["seen"]["drawdown_pct"] == 3.25
