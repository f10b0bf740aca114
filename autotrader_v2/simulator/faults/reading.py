"""Reads a fault file (TOML or JSON) or a profile's name. What cannot be meant is refused with its place."""

import json
import tomllib
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from autotrader_v2.matching.knobs import Knobs
from autotrader_v2.simulator.faults.kinds import read_rule
from autotrader_v2.simulator.faults.profiles import PROFILES
from autotrader_v2.simulator.faults.rules import Rule
from autotrader_v2.simulator.fields import BadField, Fields

_FILE_MAX = 1024 * 1024
_RULES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes wrong, and how the exchange behaves where Gate's behaviour is unverified (None: as it is)."""

    rules: tuple[Rule, ...]
    knobs: Knobs | None = None


def read_plan(text: str) -> Plan:
    """The plan of a profile's name or of a file. Errors: `BadField` with the file, the place and the reason."""
    if text in PROFILES:
        return plan_of(PROFILES[text], text)
    path = Path(text).expanduser()
    if not path.is_file():
        raise BadField(f"{text[:200]!r} is neither a file nor a profile; profiles are {', '.join(PROFILES)}")
    try:
        if path.stat().st_size > _FILE_MAX:
            raise BadField(f"{path.name} is larger than {_FILE_MAX // 1024} KiB")
        words = path.read_text("utf-8")
        whole = json.loads(words) if path.suffix.lower() == ".json" else tomllib.loads(words)
    except OSError as error:
        raise BadField(f"{path.name} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        # Both parsers name line and column.
        raise BadField(f"{path.name} cannot be read: {error}") from error
    return plan_of(whole, path.name)


def plan_of(whole: Any, where: str) -> Plan:
    """The plan of a decoded file. Errors: `BadField`."""
    given = Fields(whole, where)
    rules: list[Rule] = rules_of(given.anything("rules") or [], f"{where}: rules")
    knobs = given.anything("knobs")
    base = None
    if given.has("profile"):
        profile = plan_of(PROFILES[given.text("profile", choices=tuple(PROFILES))], "profile")
        rules += profile.rules
        base = profile.knobs
    given.done()
    if knobs is not None:
        base = knobs_of(knobs, f"{where}: knobs", base or Knobs())
    return Plan(tuple(rules), base)


def rules_of(told: Any, where: str) -> list[Rule]:
    """A list of rules. Errors: `BadField`."""
    if not isinstance(told, list | tuple) or len(told) > _RULES_MAX:
        raise BadField(f"{where} must be a list of at most {_RULES_MAX} rules")
    return [read_rule(one, f"{where}[{number}]") for number, one in enumerate(told)]


def knobs_of(told: Any, where: str, base: Knobs) -> Knobs:
    """Changed knobs. Errors: `BadField`."""
    given = Fields(told, where)
    changes: dict[str, Any] = {}
    for knob in fields(Knobs):
        if given.has(knob.name):
            changes[knob.name] = _knob(given, knob.name, getattr(base, knob.name))
    for name in (knob.name for knob in fields(Knobs)):
        given.anything(name)
    given.done()
    return replace(base, **changes)


def _knob(given: Fields, name: str, now: Any) -> Any:
    match now:
        case bool():
            return given.flag(name)
        case int():
            return given.whole(name)
        case StrEnum():
            return type(now)(given.text(name, choices=tuple(type(now))))
        case Decimal():
            return given.money(name, above="-1")
    raise BadField(f"{name} cannot be set")
