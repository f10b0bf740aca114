"""`doctor`, the exchange's part: reachable, clock, prices' stream, markets, key, fees. It reads and never writes."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from autotrader_v2.app.checkup import Finding, fail, ok, skip, warn
from autotrader_v2.app.settings import Mode, Settings
from autotrader_v2.app.values import FeedKind
from autotrader_v2.application.ports import ExchangeUnavailable, TradingError
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import HUNDRED, plain
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate import probe

_CLOCK_WARN_MS, _CLOCK_FAIL_MS = 1000, 5000
_SLOW_MS = 1000
_NO_TRADING = "Nothing is bought or sold while it cannot be reached."


def exchange(settings: Settings) -> Iterator[Finding]:
    """Everything that needs the network; one reason to skip instead when this mode needs none."""
    paper = settings.mode is Mode.PAPER
    if paper and settings.feed_kind not in (FeedKind.AUTO, FeedKind.GATE):
        yield skip("exchange", f"paper on {settings.feed_kind.value} prices needs none")
        return
    try:
        reached = probe.reach_rest(settings.gate_host, SystemClock())
    except ExchangeUnavailable as error:
        if paper and settings.feed_kind is FeedKind.AUTO:
            yield skip("exchange", f"{error.what} Paper then trades on made-up prices")
        else:
            yield fail("rest", error.what, _NO_TRADING, "Check the connection; a proxy goes into HTTPS_PROXY.")
        return
    yield from _rest(settings, reached)
    try:
        yield ok("websocket", f"opened in {probe.reach_ws(settings.gate_host):.0f} ms")
    except ExchangeUnavailable as error:
        means = "Prices then come by slower reads; own trades are noticed later."
        yield warn("websocket", error.what, means, error.do)
    if paper:
        yield from _public_markets(settings)
    else:
        yield from _account(settings, reached.clock_offset_ms)


def _rest(settings: Settings, reached: probe.Reached) -> Iterator[Finding]:
    found = f"{settings.gate_host} answers in {reached.took_ms:.0f} ms"
    if reached.took_ms > _SLOW_MS:
        yield warn("rest", found, "Orders arrive late; late decisions are dropped.", "Use a better connection.")
    else:
        yield ok("rest", found)
    offset_ms = reached.clock_offset_ms
    found = f"the exchange's clock is {offset_ms:+d} ms from ours"
    do = "Let the system set its clock by the network (Windows: time settings; Linux: timedatectl set-ntp true)."
    if abs(offset_ms) > _CLOCK_FAIL_MS:
        yield fail("clock", found, "Ages of prices and of orders cannot be trusted; such a market does not trade.", do)
    elif abs(offset_ms) > _CLOCK_WARN_MS:
        yield warn("clock", found, "It is corrected for, but something sets this clock wrong.", do)
    else:
        yield ok("clock", found)


def _public_markets(settings: Settings) -> Iterator[Finding]:
    from autotrader_v2.infrastructure.gate.public import GatePublicFeed

    feed = GatePublicFeed(SystemClock(), settings.gate_host)
    try:
        rules = {one.market: one for one in feed.rules(settings.markets)}
        yield from _markets(settings, rules)
    except TradingError as error:
        yield warn("markets", error.what, "Rules and fees of the markets are not known.", error.do)
    finally:
        feed.stop()


def _account(settings: Settings, clock_offset_ms: int) -> Iterator[Finding]:
    from autotrader_v2.infrastructure.gate.exchange import GateExchange

    key = settings.api_key.get_secret_value() if settings.api_key else ""
    secret = settings.api_secret.get_secret_value() if settings.api_secret else ""
    gate = GateExchange(settings.gate_host, key, secret, SystemClock(), senders=1)
    try:
        held = gate.balances().get(settings.quote)
        free = plain(held.available) if held else "0"
        yield ok("key", f"the key reads the account; {free} {settings.quote} free")
        yield from _rights(settings, probe.key_rights(settings.gate_host, key, secret, clock_offset_ms))
        yield from _markets(settings, gate.rules(settings.markets))
    except TradingError as error:
        yield fail("key", error.what, "Without its account mTrade neither buys nor sells.", error.do)
    finally:
        gate.close()


def _rights(settings: Settings, told: probe.KeyRights) -> Iterator[Finding]:
    names = ", ".join(f"{name} ({'read' if read_only else 'all'})" for name, read_only in told.rights)
    spot = [read_only for name, read_only in told.rights if name == "spot"]
    if not told.rights:
        means = "Whether it may withdraw can only be seen on Gate's page of keys: it should not be allowed to."
        yield ok("key_rights", f"Gate does not tell what this key may do ({told.why_not or 'no word of it'})", means)
    elif any("withdraw" in name.lower() for name, _ in told.rights):
        means = "Whoever gets hold of this key can take your money away."
        yield fail("key_rights", names, means, "Make a key without the right to withdraw, and delete this one.")
    elif not spot or spot[0]:
        means = "No order of it is accepted: nothing can be bought, and nothing sold."
        yield fail("key_rights", names, means, "Give the key the right to trade spot.")
    else:
        yield ok("key_rights", names)
    if told.bound is False and settings.mode is Mode.LIVE:
        yield warn(
            "key_addresses",
            "the key works from every address",
            "Whoever gets hold of it can trade with your money from anywhere.",
            "Bind it to your own address on Gate's page of keys, if that address does not change.",
        )


def _markets(settings: Settings, known: Mapping[Market, MarketRules]) -> Iterator[Finding]:
    """Status and fee of the coins that are to trade."""
    wanted = settings.active_markets or settings.markets
    missing = [market.base for market in wanted if market not in known]
    closed = [one.market.base for one in known.values() if one.market in wanted and not one.status.buys]
    ending = [one.market.base for one in known.values() if one.market in wanted and one.delisting_s]
    fees = sorted({one.fee for market, one in known.items() if market in wanted})
    if missing:
        yield warn(
            "markets",
            f"the exchange does not know {', '.join(missing)}",
            "They are left out.",
            "Take them out of AVAILABLE_SYMBOLS.",
        )
    if closed:
        yield warn(
            "markets", f"{', '.join(closed)} cannot be bought now", "No cycle starts there.", "Wait, or drop them."
        )
    if ending:
        means = "The exchange ends these markets: nothing is bought any more, what is held must be sold in time."
        yield warn("markets", f"{', '.join(ending)} will be delisted", means, "Sell what you hold of them.")
    if not (missing or closed or ending):
        yield ok("markets", f"all {len(wanted)} can be traded")
    if fees:
        yield ok(
            "fees", f"taker fee {' to '.join(_percent(fee) for fee in {fees[0], fees[-1]})}; ladders count with it"
        )


def _percent(fee: Decimal) -> str:
    return f"{plain(fee * HUNDRED)} %"
