"""Where machine code is kept, and the one private option of numba that it is made with."""

import os
import time
from pathlib import Path

import numba
import pytest

from autotrader_v2.backtest import equity, machine
from autotrader_v2.backtest.jit import drop_old_code

_DAY_S = 86_400


def _code(folder: Path, name: str, age_s: float) -> Path:
    one = folder / name
    (one / "inner").mkdir(parents=True)
    (one / "inner" / "code.nbi").write_bytes(b"x")
    then_s = time.time() - age_s
    os.utime(one, (then_s, then_s))
    return one


def test_programs_that_share_a_folder_leave_each_other_their_code(tmp_path: Path) -> None:
    """Once the last one to start removed all others' code, and each start compiled anew."""
    mine, other = _code(tmp_path, "numba-mine", 40 * _DAY_S), _code(tmp_path, "numba-other", 2 * _DAY_S)
    forgotten, foreign = _code(tmp_path, "numba-old", 31 * _DAY_S), _code(tmp_path, "else", 99 * _DAY_S)
    drop_old_code(tmp_path, "numba-mine", unused_s=30 * _DAY_S)
    assert [one.exists() for one in (mine, other, forgotten, foreign)] == [True, True, False, True]
    # It was asked for now, so the other's start keeps it as well.
    drop_old_code(tmp_path, "numba-other", unused_s=30 * _DAY_S)
    assert mine.exists()


def test_a_folder_of_its_own_keeps_the_newest_code_only(tmp_path: Path) -> None:
    old, mine = _code(tmp_path, "numba-old", 1), _code(tmp_path, "numba-mine", 1)
    drop_old_code(tmp_path, "numba-mine", unused_s=0)
    assert (old.exists(), mine.exists()) == (False, True)


def _one_more(number: int) -> int:
    return number + 1


def test_numba_still_has_the_private_option() -> None:
    """Were it ignored in silence, the rules would be slow and nobody would know why; so it must refuse unknown ones."""
    assert machine.play.targetoptions["_nrt"] is False and equity.follow_one.targetoptions["_nrt"] is False
    with pytest.raises(KeyError, match="_no_such_option"):
        numba.njit(_nrt=False, _no_such_option=False)(_one_more)(1)  # type: ignore[call-overload]
    assert numba.njit(_nrt=False)(_one_more)(1) == 2  # type: ignore[call-overload]
