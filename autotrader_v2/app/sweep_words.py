"""The doubts of a search in plain words."""

from collections.abc import Mapping

from autotrader_v2.search.doubts import Doubt

SENTENCES: Mapping[str, str] = {
    "limits_broken": "No ladder keeps the limits; the winner is the one that breaks the fewest.",
    "first_buy_unpaid": "Nothing was bought: the budget of {budget} does not pay the first buy. Give a larger --budget "
    "or a smaller start_quote.",
    "nothing_bought": "Nothing was bought: the winner never started.",
    "winner_loses": "Even the best ladder lost: {year_pct:.1f} % a year on the very data it was chosen on.",
    "winner_loses_later": "The winner made {seen_pct:.1f} % a year where it was chosen and lost afterwards: "
    "{held_back_pct:.1f} % a year on the time held back.",
    "winner_loses_others": "The winner made {seen_pct:.1f} % a year on its own coins and lost on the coins held back: "
    "{held_back_pct:.1f} % a year.",
    "winner_fades": "Of the winner's {seen_pct:.1f} % a year only {held_back_pct:.1f} % are left on data it was not "
    "chosen on.",
    "folds_lost": "Walking forward, the choice of its time lost money in {lost} of {folds} following stretches.",
    "few_cycles": "Only {cycles} cycles closed; below {least} a handful of lucky ones decides who wins.",
    "unpaid": "The budget could not pay {unpaid} of the winner's buys: the ladder is larger than the account.",
    "nothing_held_back": "No data was held back, so nothing here says how the winner does on what it has not seen.",
    "front_loses": "The front does not survive: {lost} of its {front} ladders that earned money lose it on the data "
    "held back.",
    "front_reorders": "What is better on the data seen is not better on the data held back (rank correlation "
    "{correlation:.2f} over {front} ladders of the front): the ranking is noise.",
    "little_data": "Little data: {days:.0f} days to choose on; below {least} a single event decides.",
    "one_kind": "{pct:.0f} % of the months it was chosen on were {kind}: how it does in another kind of market is not "
    "known.",
    "no_fall": "No month of the data it was chosen on fell by 10 %: this ladder has not been through a bad time.",
    "each_alone": "Each of the {coins} coins was played by itself, with a budget of {budget} of its own. Where they "
    "share one balance some buys cannot be paid; `backtest` with the winner over the same candles shows how that goes.",
    "edge": "{name} {value} is the {end} value of its range: the best may lie beyond it, so widen the range.",
    "refused": "{refused} of {tried} ladders could not be played and count for nothing.",
}


def sentence(doubt: Doubt) -> str:
    """What it means. Errors: KeyError for a code without a sentence."""
    return SENTENCES[doubt.code].format(**doubt.values)
