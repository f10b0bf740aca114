"""`mTrade.py doctor`: what could keep this machine, this account or this folder from trading well, before it does."""

import json
from collections.abc import Iterator, Sequence

import structlog

from autotrader_v2.app import doctor_exchange, doctor_keys, doctor_machine, logs
from autotrader_v2.app.checkup import Examination, Finding, Level, fail, warn
from autotrader_v2.app.settings import Settings

_log = structlog.get_logger()
_MARKS = {Level.OK: "ok  ", Level.WARN: "WARN", Level.FAIL: "FAIL", Level.SKIP: "skip"}


def run_doctor(settings: Settings, warnings: Sequence[str], *, as_json: bool, notify: bool) -> int:
    """Look at everything and print it; returns 1 when something fails. It trades nothing and changes nothing."""
    logs.configure(level="WARNING", form=settings.log_format, secrets=settings.secrets)
    findings = []
    for finding in _all(settings, warnings, notify=notify):
        findings.append(finding)
        if not as_json:
            print("\n".join(_lines(finding)), flush=True)
    failed = sum(finding.level is Level.FAIL for finding in findings)
    warned = sum(finding.level is Level.WARN for finding in findings)
    if as_json:
        rows = [
            {"name": one.name, "level": one.level.value, "found": one.found, "means": one.means, "do": one.do}
            for one in findings
        ]
        print(json.dumps({"ok": not failed, "failed": failed, "warned": warned, "checks": rows}, ensure_ascii=False))
    else:
        print(f"{failed} failed, {warned} to look at, {len(findings)} looked at.")
    return 1 if failed else 0


def _all(settings: Settings, warnings: Sequence[str], *, notify: bool) -> Iterator[Finding]:
    examinations: tuple[tuple[str, Examination], ...] = (
        ("python", doctor_machine.python_and_system),
        ("sqlite", doctor_machine.sqlite),
        ("data_dir", lambda: doctor_machine.folder(settings)),
        ("database", lambda: doctor_machine.databases(settings)),
        ("keys", lambda: doctor_keys.keys(settings)),
        ("running", lambda: doctor_machine.running(settings)),
        ("time_zone", doctor_machine.time_zone),
        ("awake", doctor_machine.awake),
        ("alerts", lambda: doctor_machine.alerts(settings, send=notify)),
        ("exchange", lambda: doctor_exchange.exchange(settings)),
    )
    for text in warnings:
        yield warn("settings", text, "A setting you meant may not be in force.", "Mend the line.")
    for name, examine in examinations:
        try:
            yield from examine()
        except Exception as error:
            # One examination that breaks must not hide what the others find.
            _log.exception("an examination broke", examination=name)
            what = f"it could not be examined ({type(error).__name__})"
            yield fail(name, what, "What it would have found is not known.", "The lines above tell why.")


def _lines(finding: Finding) -> list[str]:
    head = f"{_MARKS[finding.level]}  {finding.name}: {finding.found}"
    rest = [f"      {text}" for text in (finding.means, finding.do) if text]
    return [head, *rest]
