"""The ladders that come with the program: found by a search over every candle file there was, with data held back.

docs/BACKTESTING.md ("Ladders found by a search") has the command, the evidence and how it misleads. All three wait for
a fall of 8 % and then for wider ones; they differ in how many steps they keep in reserve for it. From a start of 10
they cost 976, 564 and 320 in full, and their worst run lost 0.9 %, 1.6 % and 49.8 % of that.
"""

from collections.abc import Mapping

_COMMON = {
    "drop_step_pct": "8",
    "drop_growth_pct": "4",
    "size_multiplier": "1.3",
    "profit_pct": "2.4",
}
SHIPPED: Mapping[str, Mapping[str, str]] = {
    "careful": {**_COMMON, "steps": "12"},
    "balanced": {**_COMMON, "steps": "10"},
    "eager": {**_COMMON, "steps": "8"},
}
# What a first start may begin with: one of these, or the narrow steps that every field of a ladder has by itself.
BEGINNINGS: Mapping[str, Mapping[str, str]] = {**SHIPPED, "basic": {}}
