"""Stop the mTrade of a data folder: ask, wait, and only then end exactly that process."""

import http.client
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path

from autotrader_v2.app import instance, process
from autotrader_v2.app.instance import Holder
from autotrader_v2.app.values import is_loopback

STOP_PATH = "/api/control/stop"
STOP_HEADER = "X-Stop-Token"

_ASK_TIMEOUT_S = 5.0
_POLITE_WAIT_S = 15.0
_SIGNAL_WAIT_S = 5.0


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
    holder = instance.holder_of(data_dir)
    if holder is None:
        # It may be just starting, or already stopping: both end by themselves.
        if instance.wait_until_free(data_dir, polite_wait_s):
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
