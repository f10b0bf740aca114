"""The environment that helper processes of the operating system get."""

import os
import sys
from pathlib import Path

# What a desktop session and a bus need, and none of our settings: keys may stand in the environment.
_NAMES = (
    "PATH HOME USER LANG LC_ALL DISPLAY WAYLAND_DISPLAY XAUTHORITY XDG_RUNTIME_DIR XDG_CONFIG_HOME "
    "DBUS_SESSION_BUS_ADDRESS DBUS_SYSTEM_BUS_ADDRESS SYSTEMROOT WINDIR SYSTEMDRIVE COMSPEC PATHEXT TEMP TMP "
    "USERPROFILE USERNAME USERDOMAIN APPDATA LOCALAPPDATA PROGRAMDATA"
)
_PASSED_ON = frozenset(_NAMES.split())


def hand_down(name: str, value: str) -> None:
    """Give it to the processes that this one starts from now on: an engine that a watchdog brings back needs it."""
    os.environ[name] = value


def state_home() -> Path:
    """The folder that the system has for what a program keeps for its user; XDG_STATE_HOME on any system moves it."""
    moved = os.environ.get("XDG_STATE_HOME")
    if moved:
        return Path(moved) / "mtrade"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "mTrade"
    else:
        return Path.home() / ".local" / "state" / "mtrade"


def helper_environment() -> dict[str, str]:
    """Return an environment for a helper process, without any setting of ours."""
    return {name: value for name, value in os.environ.items() if name.upper() in _PASSED_ON}
