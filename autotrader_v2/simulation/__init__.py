"""A world from a seed: the engine itself, on a virtual clock, against an exchange, a disk and people that fail.

Everything that happens comes from one seed, so every break can be repeated. `world.py` puts it together, `auditor.py`
judges it from the exchange's own books, `lifetime.py` lives it to its end, `campaign.py` runs many, `shrinking.py`
makes what broke short.
"""
