"""What every benchmark shares: the command line, a bound on its time, percentiles, the one line it prints."""

import argparse
import json
import logging
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Figures = dict[str, Any]
# Only for a run that hangs. The short one is a test, on machines that may be crowded.
FULL_LIMIT_S, SHORT_LIMIT_S = 120.0, 150.0


def main(name: str, measure: Callable[[Path, bool], Figures], *, limit_s: float = FULL_LIMIT_S) -> int:
    """Run one benchmark in a folder of its own and print its line.

    `measure` gets the folder and whether the run is a short one. A run that hangs is ended from outside itself.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--short", action="store_true", help="a few seconds, to see that it runs")
    short = parser.parse_args().short
    limit = threading.Timer(SHORT_LIMIT_S if short else limit_s, _give_up, (name,))
    limit.daemon = True
    limit.start()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as name_of_folder:
        folder = Path(name_of_folder)
        with quiet_logs(folder):
            figures = measure(folder, short)
    limit.cancel()
    line = {
        "benchmark": name,
        "short": short,
        **machine(),
        "took_s": round(time.monotonic() - began_s, 1),
        **figures,
    }
    print(json.dumps(line), flush=True)
    return 0


def machine() -> Figures:
    """Where and when. `load`: how busy the machine was with other things when this was asked."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


@contextmanager
def quiet_logs(folder: Path) -> Iterator[None]:
    """Log as the program does, at its usual level and with what that costs, but into a file of the folder."""
    from autotrader_v2.app import logs

    logs.configure(level="INFO", form="console")
    with (folder / "log.txt").open("w", encoding="utf-8") as file:
        handler = logging.getLogger().handlers[0]
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(file)
        try:
            yield
        finally:
            logging.getLogger().handlers = [logging.NullHandler()]


def spread(values_ns: Sequence[float]) -> Figures:
    """Middle and tail of durations, in microseconds."""
    if not values_ns:
        return {"n": 0}
    ordered = sorted(values_ns)

    def at(share: float) -> float:
        return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)] / 1000, 1)

    return {"n": len(ordered), "p50_us": at(0.5), "p90_us": at(0.9), "p99_us": at(0.99), "max_us": at(1.0)}


def per_call_us(call: Callable[[], object], *, for_s: float) -> float:
    """Microseconds of one call: the best of many rounds, so that what else the machine does counts least."""
    rounds, calls = 15, 1
    while (took_s := _seconds(call, calls)) < for_s / rounds / 2:
        calls *= 2
    best_s = min([took_s, *(_seconds(call, calls) for _ in range(rounds))])
    return round(best_s / calls * 1e6, 3)


def _seconds(call: Callable[[], object], calls: int) -> float:
    turns = range(calls)
    began_s = time.perf_counter()
    for _ in turns:
        call()
    return time.perf_counter() - began_s


def _give_up(name: str) -> None:
    print(f"benchmark {name} took too long", file=sys.stderr, flush=True)
    os._exit(3)
