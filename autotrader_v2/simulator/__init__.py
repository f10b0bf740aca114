"""An exchange in a box: a Gate v4 face on the matching core."""

from autotrader_v2.simulator.server import AccountView, Client, Simulator

__all__ = ["AccountView", "Client", "Simulator"]
