"""Trading on paper: the matching core in process as an exchange without keys or money."""

from autotrader_v2.infrastructure.paper.exchange import PaperExchange

__all__ = ["PaperExchange"]
