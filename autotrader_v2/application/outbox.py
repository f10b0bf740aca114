"""Claimed orders on their way to the senders.

When many markets are claimed at once all of them become durable before the first is sent: sending takes long and would
make the others wait, each of them for its commit, while its price ages.
"""

import threading
from collections.abc import Callable, Sequence

from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.orders import OrderIntent

Claim = tuple[Slot, OrderIntent]
# After so many commits in a row what is durable is sent all the same.
_ROUNDS = 8


class Outbox:
    """Thread-safe. `start` has a sender call something soon; neither of the others may raise.

    `make_durable` commits claims together and returns those that may be sent; `send` sends one and books it.
    """

    def __init__(
        self,
        start: Callable[..., object],
        make_durable: Callable[[Sequence[Claim]], Sequence[Claim]],
        send: Callable[[Claim], object],
    ) -> None:
        self._start = start
        self._make_durable = make_durable
        self._send = send
        self._lock = threading.Lock()
        self._claimed: list[Claim] = []
        self._committing = False

    def put(self, claim: Claim) -> None:
        """Have it carried out: with the next commit, or at once when none is under way."""
        with self._lock:
            self._claimed.append(claim)
            if self._committing:
                return
            self._committing = True
        self._start(self._carry_out)

    def _carry_out(self) -> None:
        durable: list[Claim] = []
        for _ in range(_ROUNDS):
            claims = self._next()
            if not claims:
                break
            durable += self._make_durable(claims)
        else:
            # Another sender goes on with what was claimed meanwhile.
            self._start(self._carry_out)
        for claim in durable[1:]:
            self._start(self._send, claim)
        if durable:
            self._send(durable[0])

    def _next(self) -> list[Claim]:
        """What was claimed meanwhile; nothing ends the commits."""
        with self._lock:
            claims, self._claimed = self._claimed, []
            self._committing = bool(claims)
            return claims
