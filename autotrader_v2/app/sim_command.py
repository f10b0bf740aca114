"""`mTrade.py sim`: the exchange in a box as a process of its own, with played prices."""

import math
import sys
import threading
from collections.abc import Mapping
from decimal import Decimal

from autotrader_v2.app import signals
from autotrader_v2.domain.quotes import Quote

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
) -> int:
    """Serve until asked to stop; returns the exit code.

    Prints `READY` and the URL once it serves and has a price. `speed` infinity plays as fast as it can be taken in; it
    moves the prices only, the protocol's clock is the wall's. Prices stop at the end of a replay, serving does not.
    """
    from autotrader_v2.infrastructure.feeds.errors import SourceError
    from autotrader_v2.infrastructure.feeds.player import Player
    from autotrader_v2.infrastructure.feeds.sources import open_source
    from autotrader_v2.matching.markets import rules_of
    from autotrader_v2.simulator import Simulator

    stopping, priced = threading.Event(), threading.Event()
    signals.install(stopping.set)
    try:
        source = open_source(feed, seed=seed)
    except SourceError as error:
        print(f"sim cannot start: {error}", file=sys.stderr, flush=True)
        return _BAD_INPUT
    rules = rules_of(source.markets, source.quotes())
    # The source quotes in the markets' own steps.
    source = open_source(feed, seed=seed, markets=source.markets, ticks={one.market: one.tick for one in rules})
    sim = Simulator(rules, balances, host=host, port=port, key=key, secret=secret, seed=seed)
    try:
        sim.start()
    except OSError as error:
        print(f"sim cannot serve on {host}:{port}: {error}", file=sys.stderr, flush=True)
        return _CANNOT_SERVE

    def on_quote(quote: Quote) -> None:
        sim.feed(quote)
        priced.set()

    pace = None if math.isinf(speed) else speed
    player = Player(source, on_quote=on_quote, speed=pace, settle=lambda: sim.call(lambda core: None))
    player.start()
    try:
        priced.wait(_FIRST_PRICE_WITHIN_S)
        print(f"READY {sim.url}", flush=True)
        stopping.wait()
    finally:
        player.stop()
        sim.stop()
    return 0
