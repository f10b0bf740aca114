"""The exchange in a box as a process of its own: made-up markets at one price, an account with plenty of money."""

import sys

from autotrader_v2.simulator import Simulator
from benchmarks.children import say_ready, wait_for_end
from benchmarks.markets import PRICE, TICK, markets, rules_of


def main(count: int) -> None:
    """Serve until the benchmark ends."""
    some = markets(count)
    with Simulator(rules_of(some), {"USDT": 10**9}, rate_limits=False) as sim:
        for market in some:
            sim.price(market.pair, PRICE, PRICE + TICK)
        say_ready(sim.url)
        wait_for_end()


if __name__ == "__main__":
    main(int(sys.argv[1]))
