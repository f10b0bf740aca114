"""`mTrade.py token`: tokens of scripts, made, listed and revoked at the console.

While mTrade runs it is asked; otherwise the journal is opened here, under the data folder's lock.
"""

import http.client
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from autotrader_v2.app import instance, logs
from autotrader_v2.app.instance import Holder
from autotrader_v2.app.outside import feed_kind_of, journal_of
from autotrader_v2.app.restart import STOP_HEADER
from autotrader_v2.app.settings import Settings
from autotrader_v2.app.values import is_loopback
from autotrader_v2.application.credentials import Credentials
from autotrader_v2.application.ports import TradingError
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.infrastructure.clock import SystemClock

PATH = "/api/control/tokens"
_ANSWER_WITHIN_S = 15.0


class CannotManage(Exception):
    """Nothing was changed."""


def run_token(settings: Settings, wish: Mapping[str, str], *, as_json: bool, say: Callable[[str], None]) -> int:
    """Carry out `{do: create|list|revoke, name, scope, id}` and print what came; returns the exit code."""
    logs.configure(level="ERROR", form=settings.log_format, secrets=settings.secrets)
    try:
        told = _told(settings, wish)
    except (CannotManage, CommandRefused, TradingError) as error:
        say(str(error))
        return 1
    if as_json:
        print(json.dumps(told))
    else:
        for line in _in_words(wish["do"], told):
            print(line)
    return 0


def _in_words(do: str, told: Mapping[str, Any]) -> list[str]:
    if do == "create":
        return [told["secret"], f"(token {told['name']}, scope {told['scope']}; it is shown this once)"]
    if do == "revoke":
        return ["It is worth nothing from now on."]
    return [
        f"{one['id']}  {one['scope']:<6} {one['name']}  made {_day(one['created_ms'])}, used {_day(one['used_ms'])}"
        for one in told["tokens"]
    ] or ["There is no token."]


def _day(time_ms: int | None) -> str:
    return "never" if time_ms is None else f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _told(settings: Settings, wish: Mapping[str, str]) -> dict[str, Any]:
    try:
        with instance.claim(settings.data_dir):
            journal = journal_of(settings, feed_kind_of(settings))
            try:
                journal.load()
                return Credentials(journal, SystemClock().now_ms).carry_out(wish, "console")
            finally:
                journal.close()
    except instance.AlreadyRunning as running:
        if running.holder is None:
            raise CannotManage(f"{running} It cannot be asked either.") from running
        return _asked(running.holder, wish)


def _asked(holder: Holder, wish: Mapping[str, str]) -> dict[str, Any]:
    """Have the running one do it. Errors: `CannotManage`."""
    if not is_loopback(holder.host):
        raise CannotManage(f"{holder.host} is not this machine; the token never leaves it.")
    connection = http.client.HTTPConnection(holder.host, holder.port, timeout=_ANSWER_WITHIN_S)
    try:
        headers = {STOP_HEADER: holder.stop_token, "Content-Type": "application/json"}
        connection.request("POST", PATH, json.dumps(wish), headers)
        answer = connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CannotManage(f"The mTrade at {holder.url} does not answer ({error}).") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise CannotManage(told["error"]["message"])
    return told
