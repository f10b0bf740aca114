"""Prices that do not come from the network: replayed files, a synthetic market, and the player with its clock."""
