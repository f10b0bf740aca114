"""`autostart` with systemd itself, where there is one and this is root; its texts are tested in tests/unit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autotrader_v2.app.values import ROOT

# A machine's own /run stays as it is: this one is seen by the test's processes alone.
_AS_IF_BOOTED = "mount -t tmpfs none /run && mkdir -p /run/systemd/system && exec "
_NEEDED = ("unshare", "systemctl", "dbus-daemon")


def _no_systemd() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, _NEEDED)):
        return True
    tried = subprocess.run(["unshare", "--mount", "sh", "-c", _AS_IF_BOOTED + "true"], capture_output=True, check=False)
    return tried.returncode != 0 or not Path("/lib/systemd/systemd").exists() or not _a_manager_runs()


def _a_manager_runs() -> bool:
    """Whether a user manager comes up at all: that needs control groups it may write."""
    listed = "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/cgroup.procs"
    return any(os.access(place, os.W_OK) for place in listed)


@pytest.mark.slow
@pytest.mark.skipif(_no_systemd(), reason="no systemd that this user may run")
def test_systemd_starts_the_watchdog_brings_it_back_and_stops_it(tmp_path: Path) -> None:
    """From `autostart on` to `off`: started, killed with the engine left behind, one engine again, stopped cleanly."""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{_AS_IF_BOOTED} '{sys.executable}' -m tests.under_systemd '{tmp_path}'"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        cwd=ROOT,
    )
    assert done.stdout.endswith("PLAYED\n"), done.stdout[-3000:] + done.stderr[-6000:]
