"""What `doctor` asks of Gate, once, beside any running engine: is it there, what time is it, what may this key do."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from urllib3.exceptions import HTTPError
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from autotrader_v2.application.ports import Clock, ExchangeUnavailable
from autotrader_v2.infrastructure.gate.answers import ErrorAnswer, read_failure
from autotrader_v2.infrastructure.gate.hosts import ws_url_of
from autotrader_v2.infrastructure.gate.public_reads import PublicReads
from autotrader_v2.infrastructure.gate.sdk import Timeout, open_client
from autotrader_v2.infrastructure.gate.server_time import ServerTime
from autotrader_v2.infrastructure.gate.signing import Signer

_WS_LIMIT_S = 5.0
_TIMEOUT: Timeout = (3, 8)


@dataclass(frozen=True, slots=True)
class Reached:
    """`took_ms`: one call there and back. `clock_offset_ms`: the exchange's time minus ours."""

    took_ms: float
    clock_offset_ms: int


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What Gate says of a key. `rights`: names with whether only reading is allowed; empty when it tells none.

    `why_not`: its word for not telling. `bound`: whether the key works from named addresses only; None: not told.
    """

    rights: tuple[tuple[str, bool], ...]
    bound: bool | None
    why_not: str = ""


def reach_rest(host: str, clock: Clock, *, timeout_s: float = 5.0) -> Reached:
    """Ask the time. Errors: `ExchangeUnavailable`."""
    server_time = ServerTime(clock)
    reads = PublicReads(host, clock, server_time, exchange="gate", connections=1)
    try:
        began_s = time.monotonic()
        reads.measure_time(timeout_s)
        took_ms = (time.monotonic() - began_s) * 1000
        return Reached(took_ms, server_time.now_ms() - clock.now_ms())
    except (HTTPError, ErrorAnswer, ValueError) as error:
        raise read_failure(error, "its time") from None
    finally:
        reads.close()


def reach_ws(host: str) -> float:
    """Open the stream of prices and close it; milliseconds that took. Errors: `ExchangeUnavailable`."""
    began_s = time.monotonic()
    try:
        with connect(ws_url_of(host), open_timeout=_WS_LIMIT_S, close_timeout=1):
            return (time.monotonic() - began_s) * 1000
    except (OSError, WebSocketException, TimeoutError) as error:
        raise ExchangeUnavailable(
            f"The WebSocket of Gate.io cannot be opened ({type(error).__name__}).",
            do="A firewall or proxy may be in the way.",
        ) from None


def key_rights(host: str, key: str, secret: str, clock_offset_ms: int) -> KeyRights:
    """Ask what this key may do; never raises: a key that may not ask is a common and good one."""
    import gate_api  # noqa: PLC0415 - slow

    signer = Signer(key, secret)
    client = open_client(host, signer, lambda: time.time_ns() // 1_000_000 + clock_offset_ms, pool_size=1)
    account = gate_api.AccountApi(client)
    keys, why_not = _told(account.get_account_main_keys)
    detail, _ = _told(account.get_account_detail)
    one = keys[0] if isinstance(keys, list) and len(keys) == 1 else keys
    rights = _rights(one) if isinstance(one, dict) else ()
    addresses = detail.get("ip_whitelist") if isinstance(detail, dict) else None
    return KeyRights(rights, bool(addresses) if isinstance(addresses, list) else None, why_not)


def _told(call: Callable[..., str]) -> tuple[Any, str]:
    """(what it says, "") or (None, why not)."""
    try:
        return json.loads(call(_request_timeout=_TIMEOUT)), ""
    except ErrorAnswer as error:
        return None, error.label or str(error.status)
    except (HTTPError, ValueError, LookupError) as error:
        return None, type(error).__name__


def _rights(key: dict[str, Any]) -> tuple[tuple[str, bool], ...]:
    perms = key.get("perms")
    if not isinstance(perms, list):
        return ()
    return tuple((str(one.get("name")), bool(one.get("read_only"))) for one in perms if isinstance(one, dict))
