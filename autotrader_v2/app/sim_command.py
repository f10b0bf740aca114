"""`mTrade.py sim`: the exchange in a box as a process of its own, with played prices or those it is told."""

import math
import secrets
import sys
import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from autotrader_v2.app import signals
from autotrader_v2.domain.quotes import Quote

if TYPE_CHECKING:
    from autotrader_v2.domain.market import MarketRules
    from autotrader_v2.infrastructure.feeds.sources import PriceSource
    from autotrader_v2.simulator.faults.reading import Plan

# A feed that plays nothing: prices come by the control routes alone.
TOLD = "told"
_FIRST_PRICE_WITHIN_S = 5.0
_BAD_INPUT, _CANNOT_SERVE = 2, 1


def run_sim(
    *,
    host: str,
    port: int,
    feed: str,
    speed: float,
    balances: Mapping[str, Decimal],
    key: str,
    secret: str,
    seed: int,
    faults: "Plan | None" = None,
    control_token: str | None = None,
) -> int:
    """Serve until asked to stop; returns the exit code.

    `feed`: `synthetic`, `replay:PATH`, or `told`: then every known coin has a market, and none a price before a control
    route tells one. `faults`: what goes wrong, from now on. `control_token` None: one is made and printed on standard
    error. Prints `READY` and the URL once it serves and has a price, if the feed plays any. `speed` infinity plays as
    fast as it can be taken in; it moves the prices only, the protocol's clock is the wall's. Prices stop at the end of
    a replay, serving does not.
    """
    from autotrader_v2.infrastructure.feeds.errors import SourceError
    from autotrader_v2.infrastructure.feeds.player import Player
    from autotrader_v2.matching.markets import known_coins, table_for
    from autotrader_v2.simulator import Simulator

    stopping, priced = threading.Event(), threading.Event()
    signals.install(stopping.set)
    source: PriceSource | None = None
    try:
        if feed == TOLD:
            rules: Sequence[MarketRules] = table_for(known_coins())
        else:
            source, rules = _played(feed, seed)
    except SourceError as error:
        print(f"sim cannot start: {error}", file=sys.stderr, flush=True)
        return _BAD_INPUT
    token = control_token or secrets.token_urlsafe(24)
    sim = Simulator(
        rules,
        balances,
        host=host,
        port=port,
        key=key,
        secret=secret,
        seed=seed,
        knobs=faults.knobs if faults else None,
        control_token=token,
    )
    try:
        sim.start()
    except OSError as error:
        print(f"sim cannot serve on {host}:{port}: {error}", file=sys.stderr, flush=True)
        return _CANNOT_SERVE

    def on_quote(quote: Quote) -> None:
        sim.feed(quote)
        priced.set()

    player: Player | None = None
    if source is not None:
        pace = None if math.isinf(speed) else speed
        player = Player(source, on_quote=on_quote, speed=pace, settle=lambda: sim.call(lambda core: None))
        player.start()
    try:
        if player is not None:
            priced.wait(_FIRST_PRICE_WITHIN_S)
        if control_token is None:
            print(f"control routes: {sim.control_url}/, token {token}", file=sys.stderr, flush=True)
        if faults is not None:
            sim.faults.replace(faults.rules, seed)
        print(f"READY {sim.url}", flush=True)
        stopping.wait()
    finally:
        if player is not None:
            player.stop()
        sim.stop()
    return 0


def _played(feed: str, seed: int) -> "tuple[PriceSource, Sequence[MarketRules]]":
    """The source of a feed, quoting in its markets' own steps, and their rules. Errors: the `SourceError` family."""
    from autotrader_v2.infrastructure.feeds.sources import open_source
    from autotrader_v2.matching.markets import rules_of

    source = open_source(feed, seed=seed)
    rules = rules_of(source.markets, source.quotes())
    ticks = {one.market: one.tick for one in rules}
    return open_source(feed, seed=seed, markets=source.markets, ticks=ticks), rules


def read_faults(text: str) -> "Plan":
    """The plan of a fault file or of a profile. Errors: ValueError with the place and the reason."""
    from autotrader_v2.simulator.faults.reading import read_plan

    return read_plan(text)
