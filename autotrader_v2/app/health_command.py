"""`mTrade.py health`: how the engine of a data folder is, from its heartbeat; for people, scripts and monitors."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from autotrader_v2.app import instance
from autotrader_v2.app.heartbeat import Sign, read_sign
from autotrader_v2.app.restart import is_watched

_FRESH_S = 10.0
_LOOKS_APART_S = 1.0
_FAILED = 1


def run_health(data_dir: Path, *, as_json: bool, watch: bool) -> int:
    """Print it, once or each second until Ctrl-C; returns 0 when the engine is at work and well."""
    while True:
        well = _tell(data_dir, print_json if as_json else print_line)
        if not watch:
            return 0 if well else _FAILED
        time.sleep(_LOOKS_APART_S)


def _tell(data_dir: Path, show: Callable[[dict[str, object]], None]) -> bool:
    sign = read_sign(data_dir)
    running = not instance.is_free(data_dir)
    age_s = None if sign is None else max(0.0, time.time() - sign.mark[1] / 1e9)
    well = running and sign is not None and age_s is not None and age_s <= _FRESH_S and _is_well(sign)
    report: dict[str, object] = {"well": well, "running": running, "watched": is_watched(data_dir)}
    if sign is not None and age_s is not None:
        report |= {"beat_age_s": round(age_s, 1), "pid": sign.beat.pid, **asdict(sign.beat.vitals)}
    show(report)
    return well


def _is_well(sign: Sign) -> bool:
    vitals = sign.beat.vitals
    return vitals.ok and not vitals.stuck and vitals.phase == "running"


def print_json(report: dict[str, object]) -> None:
    """One object a line."""
    print(json.dumps(report), flush=True)


def print_line(report: dict[str, object]) -> None:
    """`well: phase=running …`"""
    head = "well" if report["well"] else "not well" if report["running"] else "not running"
    rest = " ".join(f"{name}={_short(value)}" for name, value in report.items() if name != "well")
    sys.stdout.write(f"{head}: {rest}\n")
    sys.stdout.flush()


def _short(value: object) -> str:
    return ",".join(map(str, value)) or "-" if isinstance(value, tuple) else str(value)
