"""Other processes of a benchmark: a module of this folder that says READY and serves until its input ends."""

import subprocess
import sys
from types import TracebackType
from typing import Self

_PATIENCE_S = 10.0


class Child:
    """`python -m benchmarks.MODULE ARGUMENTS`; `url` is what it said after READY. Leaving the block ends it."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        self.url = ""

    def __enter__(self) -> Self:
        said = self._process.stdout.readline() if self._process.stdout else ""
        if not said.startswith("READY "):
            self._process.kill()
            raise RuntimeError("the other process did not start")
        self.url = said.removeprefix("READY ").strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def say_ready(url: str) -> None:
    """In the other process: tell where it serves."""
    print(f"READY {url}", flush=True)


def wait_for_end() -> None:
    """In the other process: until the benchmark leaves its block, or is gone."""
    sys.stdin.read()
