"""The commands that run the whole program: `smoke`, and `restart` of a real `serve`."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app import instance
from autotrader_v2.app.instance import Holder
from autotrader_v2.app.restart import Stopped, stop_running
from autotrader_v2.app.smoke import run_smoke
from autotrader_v2.app.values import ROOT
from tests.lab_files import a_study
from tests.processes import END_LIMIT_S, START_LIMIT_S

pytest.importorskip("autotrader_v2.app.compose")

DOOR = [sys.executable, str(ROOT / "mTrade.py")]


def start(*arguments: str, **settings: str) -> "subprocess.Popen[str]":
    """Start a command and wait until it serves."""
    started = subprocess.Popen([*DOOR, *arguments], stdout=subprocess.PIPE, text=True, env={**os.environ, **settings})
    if not any(line.startswith("READY http://127.0.0.1:") for line in started.stdout or ()):
        pytest.fail(f"{arguments} ended with {started.wait()} before it was READY")
    return started


def holder_of(folder: Path) -> Holder:
    """Who holds the folder now."""
    holder = instance.holder_of(folder)
    assert holder
    return holder


def test_the_whole_chain_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """`mTrade.py smoke`: its exit code tells, and its lines say what was tried."""
    assert run_smoke() == 0, capsys.readouterr().out


def test_restart_replaces_the_running_one_with_its_flags(tmp_path: Path) -> None:
    """Another process serves the same folder with the same flags; the old one left by itself, cleanly."""
    folder = tmp_path / "данные 1"
    old = start("--no-browser", "--port", "0", "--feed", "synthetic", "--speed", "5", "--data-dir", str(folder))
    first = holder_of(folder)
    new = start("restart", "--no-browser", "--data-dir", str(folder))
    try:
        assert old.wait(END_LIMIT_S) == 0
        second = holder_of(folder)
        assert second.process != first.process
        assert second.stop_token != first.stop_token
        assert instance.last_flags(folder) == {
            "port": "0",
            "feed": "synthetic",
            "speed": "5",
            "data_dir": str(folder),
        }
        assert stop_running(folder, lambda line: None) is Stopped.ON_REQUEST
        assert new.wait(END_LIMIT_S) == 0
    finally:
        for one in (old, new):
            one.kill()
            one.communicate()


def test_p11_a_second_serve_in_the_same_folder_leaves_the_first_alone(tmp_path: Path) -> None:
    """It says where the first one is, and exits with 1."""
    first = start("--no-browser", "--port", "0", "--feed", "synthetic", "--data-dir", str(tmp_path))
    try:
        second = subprocess.run(
            [*DOOR, "--no-browser", "--port", "0", "--feed", "synthetic", "--data-dir", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=START_LIMIT_S,
        )
        assert second.returncode == 1
        assert holder_of(tmp_path).url in second.stderr
        assert first.poll() is None
        assert stop_running(tmp_path, lambda line: None) is Stopped.ON_REQUEST
        assert first.wait(END_LIMIT_S) == 0
    finally:
        first.kill()
        first.communicate()


def test_the_lab_of_the_program_shows_what_was_searched(tmp_path: Path) -> None:
    """Studies in the data folder are there without a word in the settings; without them no search can begin either."""
    a_study(tmp_path / "studies.db")
    token = "made-up-0123456789-abcdefgh"
    serving = start("--no-browser", "--port", "0", "--feed", "synthetic", "--data-dir", str(tmp_path), API_TOKEN=token)
    try:
        asked = urllib.request.Request(
            f"{holder_of(tmp_path).url}api/lab/sweeps", headers={"Authorization": f"Bearer {token}"}
        )
        told: dict[str, Any] = {"state": "working"}
        ends_s = time.monotonic() + START_LIMIT_S
        while told["state"] == "working" and time.monotonic() < ends_s:
            with urllib.request.urlopen(asked, timeout=START_LIMIT_S) as answer:
                told = json.load(answer)
            time.sleep(0.2)
        assert told["state"] == "known", told
        assert [one["name"] for one in told["told"]["sweeps"]] == ["sweep-1"]
    finally:
        serving.kill()
        serving.communicate()
