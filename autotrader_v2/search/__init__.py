"""Searching for ladders: ranges, samplers, splits that hold data back, verdicts that say how far to believe them."""
