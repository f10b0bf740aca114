"""`doctor`, the secrets' part: which are set, where from, and which of two sources counts."""

from collections.abc import Iterator

from autotrader_v2.app.checkup import Finding, ok, skip, warn
from autotrader_v2.app.secret_store import SecretStore, place_word
from autotrader_v2.app.settings import STORABLE, Settings


def keys(settings: Settings) -> Iterator[Finding]:
    """The settings have passed, so what is needed has been opened."""
    store = SecretStore(settings.data_dir)
    kept, place = store.fingerprints(), store.place()
    where = place_word(place) if place else ""
    origins = {name: settings.origins[name] for name in STORABLE if name in settings.origins}
    told = [f"{name} from {f'the {where}' if name in settings.stored else origin}" for name, origin in origins.items()]
    idle = [name for name in kept if name not in origins]
    told += [f"{name} in the {where}, not needed in this mode" for name in idle]
    if told:
        yield ok("keys", "; ".join(told))
    else:
        yield skip("keys", "no secret is set; paper needs none")
    for name in kept:
        if name in origins and name not in settings.stored:
            yield warn(
                "keys",
                f"{name} is set in {origins[name]} and in the {where}",
                f"The one in {origins[name]} counts; if they are of two accounts, orders go to that one.",
                "Take out the one you do not mean (`mTrade.py keys forget`, or the line).",
            )
