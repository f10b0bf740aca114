"""What kind of account and key we trade with: looked at on start and hourly; a change stops everything (A4, A6)."""

from collections.abc import Iterator, Mapping
from typing import Any

import structlog

from autotrader_v2.application.events import Priority, SettingSet
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.ports import AccessRefused, AccountFacts, TradingError
from autotrader_v2.domain.situation import Pause

_log = structlog.get_logger()
SETTING = "account_facts"


class AccountCheck:
    """Compares what the exchange tells of account and key with what the owner has accepted by resuming.

    `known` is what was told last, from the journal. What the exchange does not tell is not judged.
    """

    def __init__(self, floor: Floor, known: Mapping[str, Any] | None) -> None:
        self._floor = floor
        self._known = dict(known or {})

    def check(self) -> None:
        """Look once. Never raises `TradingError`: without an answer what was known holds."""
        floor = self._floor
        try:
            facts = floor.exchange.account()
        except AccessRefused as error:
            floor.refused_account(error.label, error.what)
            return
        except TradingError as error:
            _log.warning("the account's kind could not be asked for; it is asked again", what=error.what)
            return
        told = {name: value for name, value in _as_text(facts) if value}
        if told == self._known or not told:
            return
        worse = [name for name in _problems(facts) if told[name] != self._known.get(name)]
        try:
            if worse:
                # The first is shown as the reason, the worst; but resuming accepts all, so all are told.
                pauses = [self._told(name, told[name]) for name in worse]
                floor.pause_account(pauses[0], by="engine")
            value = {**self._known, **told}
            floor.journal.write(SettingSet(name=SETTING, value=value, by="engine", time_ms=floor.clock.now_ms()))
        except TradingError as error:
            _log.error("the account's pause holds but could not be noted", what=error.what)
            return
        self._known = value

    def _told(self, name: str, value: str) -> Pause:
        """Alert, and what pauses the account."""
        floor = self._floor
        values = {"fact": name, "value": value}
        now_ms = floor.clock.now_ms()
        if name == "kind":
            pause = Pause(cause="account_kind", since_ms=now_ms, values=tuple(values.items()))
            floor.alert("account_kind", Priority.HIGH, None, values)
        elif name == "withdraws":
            pause = Pause(cause="key_withdraws", since_ms=now_ms, values=tuple(values.items()))
            floor.alert("key_withdraws", Priority.HIGH, None, values)
        else:
            pause = Pause(cause="key_read_only", since_ms=now_ms, values=tuple(values.items()))
            floor.alert("key_read_only", Priority.HIGH, None, values)
        return pause


def _as_text(facts: AccountFacts) -> Iterator[tuple[str, str]]:
    yield "kind", facts.kind
    for name, value in (("withdraws", facts.withdraws), ("trades", facts.trades)):
        yield name, "" if value is None else "yes" if value else "no"


def _problems(facts: AccountFacts) -> Iterator[str]:
    """What must not be, worst first."""
    if facts.withdraws:
        yield "withdraws"
    if facts.kind and facts.kind != "classic":
        yield "kind"
    if facts.trades is False:
        yield "trades"
