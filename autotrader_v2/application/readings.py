"""Keeps the wallet's reading fresh: one read serves every market that waits for one."""

import threading

import structlog

from autotrader_v2.application.floor import Floor
from autotrader_v2.application.ports import ExchangeUnavailable

_log = structlog.get_logger()
_LEAST_GAP_S = 0.05
_RETRY_FIRST_S = 0.5
_RETRY_MAX_S = 30.0


class BalanceReader:
    """Reads balances when asked (after every order, while a market waits), at most one read at a time."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self.failing = False

    def read(self) -> None:
        """One reading, in order with the orders around it. Errors: `ExchangeUnavailable`."""
        wallet = self._floor.wallet
        token = wallet.begin_reading()
        wallet.arrived(token, self._floor.exchange.balances())

    def run(self, stopping: threading.Event) -> None:
        """Serve requests until told to stop; a failed read is repeated with growing pauses."""
        floor = self._floor
        retry_s = _RETRY_FIRST_S
        while not stopping.is_set():
            if not floor.clock.wait(floor.want_balances, 1.0):
                continue
            floor.want_balances.clear()
            if stopping.is_set():
                return
            try:
                self.read()
            except ExchangeUnavailable as error:
                self.failing = True
                _log.warning("balances could not be read; markets that need them wait", what=error.what)
                floor.clock.wait(stopping, retry_s)
                retry_s = min(retry_s * 2, _RETRY_MAX_S)
                floor.want_balances.set()
                continue
            self.failing, retry_s = False, _RETRY_FIRST_S
            for market in floor.slots:
                floor.board.mark_due(market)
            floor.clock.wait(stopping, _LEAST_GAP_S)
