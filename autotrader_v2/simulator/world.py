"""What happens to the exchange from outside: money, hands, clock, prices, rules. In the simulator's thread."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from autotrader_v2.domain.market import TradeStatus
from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.matching.accounts import Account
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.matching.records import Order, OrderRequest, TimeInForce
from autotrader_v2.simulator.clock import ProtocolClock
from autotrader_v2.simulator.desk import Desk, KeyRights
from autotrader_v2.simulator.hub import Hub
from autotrader_v2.simulator.prices import Prices

_S_MS = 1000


class World:
    """The hands that move the exchange. Without a `key` the first account is meant.

    Errors of every act: `Refused`, ValueError or LookupError when it cannot be done.
    """

    def __init__(self, core: MatchingCore, desk: Desk, hub: Hub, clock: ProtocolClock, prices: Prices) -> None:
        self.core = core
        self.clock = clock
        self._desk = desk
        self._hub = hub
        self._prices = prices
        self._gone: set[str] = set()

    def account(self, key: str = "") -> Account:
        """The account of a key."""
        return self.core.accounts[key] if key else next(iter(self.core.accounts.values()))

    # -- money -----------------------------------------------------------------------------------------------------

    def deposit(self, currency: str, amount: Decimal, *, key: str = "", why: str = "deposit") -> None:
        """Money comes in."""
        self.core.deposit(self.account(key), currency, amount, why)

    def withdraw(self, currency: str, amount: Decimal, *, key: str = "") -> None:
        """Free money goes out."""
        self.core.withdraw(self.account(key), currency, amount)

    def withdraw_all(self, currency: str, *, key: str = "") -> None:
        """All free money of a currency goes out."""
        account = self.account(key)
        self.core.withdraw(account, currency, account.available(currency))

    def freeze(self, currency: str, amount: Decimal, *, key: str = "") -> None:
        """Lock (or, negative, free) money that no order needs."""
        self.core.freeze(self.account(key), currency, amount)

    def trade(
        self, pair: str, side: Side, amount: Decimal, *, price: Decimal | None = None, key: str = "", text: str = ""
    ) -> Order:
        """Trade as the account's owner would; with a price it is a limit order that rests."""
        request = OrderRequest(
            pair=pair,
            side=side,
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            amount=amount,
            price=price,
            time_in_force=TimeInForce.IOC if price is None else TimeInForce.GTC,
            text=text,
            source="web",
        )
        return self.core.place(self.account(key), request)

    # -- the account -----------------------------------------------------------------------------------------------

    def fees(self, changes: Mapping[str, Any], *, key: str = "") -> None:
        """Change some of an account's fee settings."""
        account = self.account(key)
        account.fees = replace(account.fees, **changes)

    def key(self, state: str = "ok", *, read_only: bool = False, withdraw: bool = False, key: str = "") -> None:
        """Set what the key may do."""
        self._desk.rights[self.account(key).name] = KeyRights(state, read_only, withdraw)
        self._hub.drop_all()

    def account_kind(self, *, unified: bool, key: str = "") -> None:
        """Switch between the classic and the unified account."""
        self.account(key).unified = unified

    def rate_limits(self, *, enabled: bool) -> None:
        """Refuse calls beyond the rate limits, or none."""
        self._desk.limiter.enabled = enabled

    # -- clock and prices ------------------------------------------------------------------------------------------

    def shift_clock(self, *, offset_ms: int | None = None, step_ms: int = 0, drift_ppm: int | None = None) -> None:
        """Set the clock apart from the wall's, step it, or let it run at another speed."""
        if offset_ms is not None:
            self.clock.offset_ms = offset_ms
        self.clock.offset_ms += step_ms
        if drift_ppm is not None:
            self.clock.drift(drift_ppm)

    def set_price(
        self,
        pair: str,
        bid: Decimal,
        ask: Decimal,
        last: Decimal,
        *,
        bid_size: Decimal | None = None,
        ask_size: Decimal | None = None,
    ) -> None:
        """Set a market's price; the next one of the feed follows it. Sizes in coins, None: as the market's kind has."""
        market, now_ms = self.core.pit(pair).rules.market, self.clock.now_ms()
        self.take(Quote(market, bid, ask, last, now_ms, now_ms, bid_size=bid_size, ask_size=ask_size))

    def move_price(self, pair: str, factor: Decimal, *, ramp_s: float = 0.0, hold_s: float | None = None) -> None:
        """Let prices of pairs of that pattern move by a factor, for a while or for good."""
        moved = [one for one in self.core.pits if fnmatchcase(one, pair)]
        if not moved:
            raise LookupError(f"no market is {pair}")
        hold_ms = None if hold_s is None else int(hold_s * _S_MS)
        for one in moved:
            self._prices.move(one, factor, self.clock.now_ms(), ramp_ms=int(ramp_s * _S_MS), hold_ms=hold_ms)
        self.beat()

    def beat(self) -> None:
        """Show prices that move without a new quote."""
        for quote in self._prices.due(self.clock.now_ms()):
            self.core.feed(quote)

    def take(self, quote: Quote) -> None:
        """A new quote of the feed; one of a market that is gone is nobody's."""
        if quote.market.pair not in self._gone:
            self.core.feed(self._prices.moved(quote, self.clock.now_ms()))

    # -- markets ---------------------------------------------------------------------------------------------------

    def change_rules(self, pair: str, changes: Mapping[str, Any]) -> None:
        """Change some of a market's rules."""
        self.core.set_rules(replace(self.core.pit(pair).rules, **changes))

    def change_status(
        self,
        pair: str,
        status: TradeStatus | None = None,
        *,
        delisting_in_s: int | None = None,
        st_tag: bool | None = None,
    ) -> None:
        """Say what may be traded, announce a delisting (0 takes it back), mark as risky."""
        pit = self.core.pit(pair)
        changes: dict[str, Any] = {} if status is None else {"status": status}
        if delisting_in_s is not None:
            changes["delisting_s"] = self.clock.now_ms() // _S_MS + delisting_in_s if delisting_in_s else 0
        self.core.set_rules(replace(pit.rules, **changes))
        if st_tag is not None:
            pit.st = st_tag

    def delist(self, pair: str) -> None:
        """Take a market away."""
        self.core.close_market(pair)
        self._gone.add(pair)
        self._prices.forget(pair)

    def redenominate(self, currency: str, factor: Decimal) -> None:
        """Renumber a coin: every balance times the factor, every price divided by it, steps moved with it."""
        markets = [pit for pit in self.core.pits.values() if pit.rules.market.base == currency]
        if not markets:
            raise LookupError(f"no market trades {currency}")
        self.core.revalue(currency, factor)
        digits = int(factor.log10())
        for pit in markets:
            rules = pit.rules
            self.core.set_rules(
                replace(
                    rules,
                    price_precision=max(0, rules.price_precision + digits),
                    amount_precision=max(0, rules.amount_precision - digits),
                    min_base=rules.min_base * factor,
                    max_base=rules.max_base * factor,
                    market_max_base=rules.market_max_base * factor,
                )
            )
            self._prices.move(rules.market.pair, 1 / factor, self.clock.now_ms())
        self.beat()

    # -- connections -----------------------------------------------------------------------------------------------

    def drop_websockets(self) -> None:
        """Cut every WebSocket that listens to something, as a network would."""
        self._hub.drop_all()

    def announce_upgrade(self) -> None:
        """Ask every WebSocket to connect anew."""
        self._hub.announce_upgrade()
