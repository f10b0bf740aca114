"""`mTrade.py keys`: secrets set, shown (never their value) and forgotten at the console."""

import getpass
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import SecretStr

from autotrader_v2.app import passphrase
from autotrader_v2.app.secret_store import Place, SecretStore, StoreRefused, fingerprint, place_word
from autotrader_v2.app.settings import STORABLE, Settings, refusals

_LINE_MAX = 2000
_RESTART = "It counts from the next start on: `mTrade.py restart`."


def run_keys(
    settings: Settings,
    do: str,
    names: Sequence[str],
    *,
    say: Callable[[str], None],
    store: str = "auto",
    as_json: bool = False,
    yes: bool = False,
) -> int:
    """Carry out set, show or forget; returns the exit code. `settings` without the store opened."""
    kept = SecretStore(settings.data_dir)
    try:
        if do == "set":
            return _set(settings, kept, names or STORABLE[:2], store, say)
        if do == "forget":
            return _forget(settings, kept, names, say, yes=yes)
        return _show(settings, kept, as_json=as_json)
    except StoreRefused as error:
        say(str(error))
    except OSError as error:
        say(f"{kept.path} cannot be written: {error.strerror}. What was kept before is untouched. Free it, try again.")
    return 1


def _set(settings: Settings, kept: SecretStore, names: Sequence[str], store: str, say: Callable[[str], None]) -> int:
    where = kept.place_for_new() if store == "auto" else Place(store)
    changes = _asked(names) if sys.stdin.isatty() else _read_lines(names)
    if not changes:
        say("Nothing was typed; nothing was changed.")
        return 1
    problems = [problem for name, value in changes.items() for problem in refusals(settings, name, SecretStr(value))]
    if problems:
        for problem in problems:
            say(f"Refused: {problem}")
        say("Nothing was changed.")
        return 2
    file = settings.keys_passphrase_file
    make = passphrase.new if where is Place.FILE and kept.place() is None else _known
    kept.put(changes, where, lambda: make(_word(settings), file))
    marks = ", ".join(f"{name} ({fingerprint(name, value)})" for name, value in changes.items())
    print(f"Kept in the {place_word(where)}, and read back: {marks}. {_RESTART}")
    for name in changes:
        if origin := settings.elsewhere.get(name):
            say(f"Note: {name} is also set in {origin}, and that one counts. Take it out there.")
    return 0


def _forget(
    settings: Settings, kept: SecretStore, names: Sequence[str], say: Callable[[str], None], *, yes: bool
) -> int:
    known = kept.fingerprints()
    wanted = [name for name in names or known if name in known]
    if not wanted:
        say("Nothing of that is kept; nothing was changed.")
        return 1
    if not yes:
        if not sys.stdin.isatty():
            raise StoreRefused("Forgetting cannot be taken back.", do="Say --yes if you mean it.")
        said = input(f"Forget {', '.join(wanted)}? Without them mTrade cannot trade that account. Type yes: ")
        if said.strip().lower() != "yes":
            say("Nothing was changed.")
            return 1
    kept.forget(wanted, lambda: _known(_word(settings), settings.keys_passphrase_file))
    print(f"Forgotten: {', '.join(wanted)}. What runs still has them; the next start does not.")
    return 0


def _show(settings: Settings, kept: SecretStore, *, as_json: bool) -> int:
    marks, place, elsewhere = kept.fingerprints(), kept.place(), settings.elsewhere
    rows = []
    for name in STORABLE:
        given = getattr(settings, name.lower())
        mark = fingerprint(name, given.get_secret_value()) if name in elsewhere and given is not None else None
        counts = elsewhere.get(name) or (f"the {place_word(place)}" if place and name in marks else None)
        rows.append(
            {
                "name": name,
                "counts": counts,
                "fingerprint": mark if name in settings.elsewhere else marks.get(name),
                "stored": name in marks,
            }
        )
    if as_json:
        print(json.dumps({"store": place, "file": str(kept.path) if place else None, "secrets": rows}))
        return 0
    for row in rows:
        mark = f" ({row['fingerprint']})" if row["fingerprint"] else ""
        over = f"; another one in the {place_word(place)} does not count" if place and row["stored"] else ""
        over = over if row["name"] in elsewhere else ""
        print(f"{row['name']:<22} {'from ' + str(row['counts']) + mark + over if row['counts'] else 'not set'}")
    print("Environment and .env win over the store. Nothing shows a secret; the mark in brackets tells two apart.")
    return 0


def _asked(names: Sequence[str]) -> dict[str, str]:
    typed = {name: getpass.getpass(f"{name} (nothing is shown; Enter leaves it as it is): ").strip() for name in names}
    return {name: value for name, value in typed.items() if value}


def _read_lines(names: Sequence[str]) -> dict[str, str]:
    lines = [sys.stdin.readline(_LINE_MAX).strip() for _ in names]
    if not all(lines) or sys.stdin.read(1).strip():
        raise StoreRefused(
            f"Standard input must hold {len(names)} lines: {', '.join(names)}.", do="Give each on a line of its own."
        )
    return dict(zip(names, lines, strict=True))


def _word(settings: Settings) -> str | None:
    return settings.keys_passphrase.get_secret_value() if settings.keys_passphrase else None


def _known(setting: str | None, file: Path | None) -> str:
    return passphrase.given(setting, file) or passphrase.typed()
