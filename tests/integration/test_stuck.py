"""An engine that hangs ends itself: exit code, stacks on disk, nothing secret in them."""

import subprocess
import sys
from pathlib import Path

import pytest

from autotrader_v2.app import instance, settings
from autotrader_v2.app.heartbeat import read_sign
from autotrader_v2.app.last_words import EXIT_STUCK
from autotrader_v2.app.values import ROOT
from tests.canary import KEY, SECRET, TOKEN, no_secret_in


@pytest.mark.slow
def test_p13_an_engine_whose_workers_hang_dumps_its_stacks_and_ends(tmp_path: Path) -> None:
    """By itself, with threads that never return; the folder is free for the next start."""
    folder = tmp_path / "data"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.integration.stuck_serve", "--no-browser", "--port", "0"),
            *("--feed", "synthetic", "--data-dir", str(folder)),
        ],
        cwd=ROOT,
        env=settings.environment_with(
            MTRADE_ENV_FILE="",
            NOTIFY_OS="off",
            # Nobody listens there: what is said about that must not say where.
            NOTIFY_WEBHOOK_URL=f"http://127.0.0.1:9/{KEY}",
            NOTIFY_WEBHOOK_SECRET=SECRET,
            API_TOKEN=TOKEN,
            AVAILABLE_SYMBOLS="ETH",
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == EXIT_STUCK, done.stderr[-3000:]
    (stacks,) = (folder / "logs").glob("stuck-*.txt")
    told = stacks.read_text("utf-8")
    assert "hang_in_a_decision" in told
    assert told.count("Thread 0x") > 5, "every thread, not only one"
    assert "alert: engine_stuck" in done.stderr
    sign = read_sign(folder)
    assert sign
    assert sign.beat.vitals.stuck
    assert any(part.startswith("workers") for part in sign.beat.vitals.unwell)
    assert instance.is_free(folder)
    assert "alerts do not get through" in done.stderr
    no_secret_in(folder, done.stderr, done.stdout)
