"""What of Pico the page can use: `python -m tests.pico_used FULL.css > USED.css`, one step of `vendor.lock.json`.

Left out are selectors that need an element or an attribute which no script or template of ours writes, and variables
that nobody reads. What the page can never match cannot change how it looks;
`python -m tests.browser.pico_compared FULL.css` looks whether that is so.
"""

import re
import sys
from itertools import product
from pathlib import Path

from autotrader_v2.app.values import ROOT

_STATIC = ROOT / "web" / "static"
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_ATTRIBUTE = re.compile(r"\[([a-z-]+)(?:[~|^$*]?=\"?([a-z0-9-]+)\"?)?\]")
_ANY_OF = re.compile(r":(?:is|where|has)\([^()]*(?:\([^()]*\)[^()]*)*\)")
_VALUE = r"(?:\"[^\"]*\"|\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\)|[^;{}\"()])*"
_VARIABLE = re.compile(rf"(--pico-[a-z0-9-]+):{_VALUE}(;|(?=\}}))")
_NOT = re.compile(r":not\([^()]*(?:\([^()]*\)[^()]*)*\)")
_OF_THE_CHART = ("canvas", "table", "tr", "td", "div", "a")
# `appearance.js` sets the theme before anything is drawn, so what is for a page without one, or a shadow root, rests.
_NEVER = (":host", ":root:not([data-theme])", ":root:not([data-theme=dark])", "[dir=rtl]")


def sources() -> str:
    """Everything of ours that writes markup."""
    files = [*(_STATIC / "js").glob("*.js"), *(ROOT / "web" / "templates").glob("*.html")]
    return "\n".join(file.read_text("utf-8") for file in files)


class Used:
    """The elements and attributes that our markup has."""

    def __init__(self, markup: str) -> None:
        self.tags = {*re.findall(r"<([a-z][a-z0-9]*)", markup), "html", "body", *_OF_THE_CHART}
        self.attributes = {*re.findall(r"[\s\"']([a-z]+(?:-[a-z]+)*)(?==|\s|>|\"|')", markup), "data-theme"}
        self._pairs = set(re.findall(r"([a-z-]+)=[\"']([a-z0-9-]+)[\"']", markup)) | {
            ("data-theme", "light"),
            ("data-theme", "dark"),
        }
        # What a script works out: any word it has in quotes.
        worked_out = set(re.findall(r"([a-z-]+)=\$\{", markup))
        self._pairs |= set(product(worked_out, set(re.findall(r"\"([a-z0-9-]+)\"", markup))))

    def may_match(self, selector: str) -> bool:
        """Whether one selector, without commas at its top, can match."""
        if any(never in selector for never in _NEVER):
            return False
        plain = _NOT.sub("", selector)
        # Of `:is(a,b)` one is enough; what it may be stands there for itself.
        plain = _ANY_OF.sub(self._one_of, plain)
        for name, value in _ATTRIBUTE.findall(plain):
            if name not in self.attributes or (value and (name, value) not in self._pairs):
                return False
        plain = re.sub(r"::?[a-z-]+(\([^()]*\))?", "", _ATTRIBUTE.sub("", plain))
        return all(tag in self.tags for tag in re.findall(r"(?<![\w.#-])[a-z][a-z0-9]*", plain))

    def _one_of(self, found: re.Match[str]) -> str:
        inside = found.group(0).partition("(")[2][:-1]
        return "" if any(self.may_match(one) for one in split(inside)) else "nothing"


def split(selectors: str) -> list[str]:
    """At the commas outside of parentheses."""
    parts, depth, begin = [], 0, 0
    for at, letter in enumerate(selectors):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            parts.append(selectors[begin:at])
            begin = at + 1
    return [*parts, selectors[begin:]]


def pruned(sheet: str, used: Used, others: str) -> str:
    """The sheet with what can match. `others`: our own sheets, which may read its variables."""

    def rule(found: re.Match[str]) -> str:
        selectors, body = found.group(1), found.group(2)
        if selectors.lstrip().startswith("@") or not body:
            return found.group(0) if body else ""
        kept = [one for one in split(selectors) if used.may_match(one)]
        return f"{','.join(kept)}{{{body}}}" if kept else ""

    sheet = _RULE.sub(rule, sheet)
    while (smaller := _without_unread(sheet, others)) != sheet:
        sheet = smaller
    return sheet


def _without_unread(sheet: str, others: str) -> str:
    read = set(re.findall(r"var\((--pico-[a-z0-9-]+)", sheet + others))
    sheet = _VARIABLE.sub(lambda found: found.group(0) if found.group(1) in read else "", sheet)
    return re.sub(r"[^{}]+\{\}", "", re.sub(r";\}", "}", sheet))


def main() -> None:
    """Print what is left."""
    whole = Path(sys.argv[1]).read_text("utf-8-sig")
    comment, _, rules = whole.partition("*/")
    own = "\n".join(file.read_text("utf-8") for file in _STATIC.rglob("*.css") if "vendor" not in file.parts)
    sys.stdout.write(f"{comment}*/\n{pruned(rules, Used(sources()), own + sources())}")


if __name__ == "__main__":
    main()
