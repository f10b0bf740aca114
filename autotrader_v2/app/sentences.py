"""Alerts in words, from the page's own catalogues, for places where no page is open."""

import json
import locale
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from autotrader_v2.app.values import ROOT
from autotrader_v2.application.events import Alert

_FOLDER = ROOT / "web" / "static" / "i18n"
_TENTHS_BELOW_S = 10


def sentence_of(alert: Alert, language: str) -> str:
    """Return what the page would say; the bare code when the catalogue lacks it: an alert is never lost for words."""
    named = {"currency": alert.market.base if alert.market else "", **_spelled(alert.values or {})}
    return worded(f"alert.{alert.code}", named, language) or alert.code


def worded(key: str, values: Mapping[str, str], language: str) -> str:
    """Return the catalogue's sentence with its values; "" when there is none."""
    entry = _catalogue(language).get(key, "")
    sentence: str = entry["other"] if isinstance(entry, dict) else entry
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "–"), sentence).replace("**", "")


def aged(ms: int, language: str) -> str:
    """0.4 s, 11 s, 3 min, 5 h, 2 d: as the page says it."""
    seconds = ms / 1000
    for unit, ends_s, size_s in (("s", 120, 1), ("min", 7200, 60), ("h", 172_800, 3600)):
        if seconds < ends_s:
            number = f"{seconds:.1f}" if seconds < _TENTHS_BELOW_S else str(int(seconds // size_s))
            return worded(f"age.{unit}", {"n": number}, language)
    return worded("age.d", {"n": str(int(seconds // 86_400))}, language)


def system_language() -> str:
    """`ru` where the system speaks Russian, else `en`."""
    return "ru" if (locale.getlocale()[0] or "").lower().startswith("ru") else "en"


def _spelled(values: Mapping[str, str]) -> dict[str, str]:
    """Moments as dates; everything else is text already."""
    named = dict(values)
    if "at_s" in named:
        try:
            named["at"] = datetime.fromtimestamp(int(named["at_s"]), UTC).strftime("%Y-%m-%d %H:%M UTC")
        except (ValueError, OverflowError, OSError):
            named["at"] = named["at_s"]  # not a moment; better odd than lost
    return named


@cache
def _catalogue(language: str) -> dict[str, Any]:
    catalogue: dict[str, Any] = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))
    return catalogue
