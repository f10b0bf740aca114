"""Stop the mTrade of a data folder: ask, wait, and only then end exactly that process."""

import http.client
import time
from collections.abc import Callable, Mapping
from enum import Enum, auto
from pathlib import Path

from autotrader_v2.app import instance, process, wishes
from autotrader_v2.app.instance import WATCH_LOCK_NAME, Holder
from autotrader_v2.app.values import is_loopback
from autotrader_v2.app.wishes import Wish

STOP_PATH = "/api/control/stop"
STOP_HEADER = "X-Stop-Token"

_ASK_TIMEOUT_S = 5.0
_POLITE_WAIT_S = 15.0
_SIGNAL_WAIT_S = 5.0
_WATCHDOG_WAIT_S = 60.0
_POLL_S = 0.1


class Stopped(Enum):
    """How the data folder became free."""

    WAS_FREE = auto()
    ON_REQUEST = auto()
    BY_FORCE = auto()


class CannotStop(Exception):
    """The other mTrade still runs, and goes on trading. It was not touched beyond being asked."""


def stop_running(
    data_dir: Path,
    say: Callable[[str], None],
    *,
    polite_wait_s: float = _POLITE_WAIT_S,
    signal_wait_s: float = _SIGNAL_WAIT_S,
) -> Stopped:
    """Free the data folder. `say` gets a line for the person at each step. Errors: `CannotStop`."""
    if instance.is_free(data_dir):
        say(f"No mTrade is running in {data_dir}.")
        return Stopped.WAS_FREE
    holder = _holder_soon(data_dir, say, polite_wait_s)
    if holder is None:
        if instance.is_free(data_dir):
            return Stopped.ON_REQUEST
        raise CannotStop(
            f"An mTrade holds {data_dir}, but who it is cannot be read there ({instance.CONTROL_NAME}). "
            "Close its window or end it by hand, then try again."
        )
    say(f"Asking the mTrade at {holder.url} (process {holder.process.pid}) to stop.")
    refusal = _ask(holder)
    if refusal:
        say(f"It did not agree: {refusal}.")
    if instance.wait_until_free(data_dir, polite_wait_s):
        say("It stopped.")
        return Stopped.ON_REQUEST
    for hard in (False, True):
        if process.end(holder.process, hard=hard):
            say(f"It did not stop within {polite_wait_s:g} s; ending process {holder.process.pid}.")
        if instance.wait_until_free(data_dir, signal_wait_s):
            return Stopped.BY_FORCE
    raise CannotStop(
        f"The mTrade in {data_dir} still runs, and process {holder.process.pid} is not the one that was written down "
        "or may not be ended by you. Close its window or end it by hand, then try again."
    )


def _holder_soon(data_dir: Path, say: Callable[[str], None], wait_s: float) -> Holder | None:
    """Who holds the folder. One that is just starting tells it in a moment, one that is stopping leaves: None."""
    holder = instance.holder_of(data_dir)
    if holder is None:
        say(f"The mTrade in {data_dir} is just starting or stopping; waiting for it.")
    deadline = time.monotonic() + wait_s
    while holder is None and time.monotonic() < deadline and not instance.wait_until_free(data_dir, _POLL_S):
        holder = instance.holder_of(data_dir)
    return holder


def is_watched(data_dir: Path) -> bool:
    """Whether a watchdog watches over the data folder: it would start again what is merely stopped."""
    return not instance.is_free(data_dir, WATCH_LOCK_NAME)


def stop_watched(data_dir: Path, say: Callable[[str], None], *, wait_s: float = _WATCHDOG_WAIT_S) -> None:
    """Have the watchdog stop its engine and end. Errors: `CannotStop`."""
    say("Asking the watchdog to stop its mTrade and to end.")
    wishes.leave(data_dir, Wish(restart=False))
    if not instance.wait_until_free(data_dir, wait_s, WATCH_LOCK_NAME):
        raise CannotStop(f"The watchdog of {data_dir} does not listen. End it by hand, then try again.")
    say("Both stopped.")


def restart_watched(
    data_dir: Path, flags: Mapping[str, str], say: Callable[[str], None], *, wait_s: float = _WATCHDOG_WAIT_S
) -> None:
    """Have the watchdog stop its engine and start it again with these flags over those it had. Errors: `CannotStop`."""
    before = instance.holder_of(data_dir)
    say("Asking the watchdog to start its mTrade again.")
    wishes.leave(data_dir, Wish(restart=True, flags=dict(flags)))
    ends_s = time.monotonic() + wait_s
    while time.monotonic() < ends_s:
        now = instance.holder_of(data_dir)
        if now is not None and now.started and (before is None or now.process != before.process):
            say(f"It runs again at {now.url} (process {now.process.pid}).")
            return
        time.sleep(_POLL_S)
    raise CannotStop(f"The watchdog of {data_dir} did not bring it back within {wait_s:g} s. Its window tells why.")


def _ask(holder: Holder) -> str:
    """Send the request to stop. Return why it was not accepted; empty when it was."""
    if not is_loopback(holder.host):
        return f"{holder.host} is not this machine"  # the token never leaves it
    connection = http.client.HTTPConnection(holder.host, holder.port, timeout=_ASK_TIMEOUT_S)
    try:
        connection.request("POST", STOP_PATH, headers={STOP_HEADER: holder.stop_token, "Content-Length": "0"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"it does not answer ({error})"
    finally:
        connection.close()
    return "" if status == http.HTTPStatus.ACCEPTED else f"it answered {status}"
