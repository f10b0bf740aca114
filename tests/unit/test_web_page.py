"""The page's files: vendored code as recorded, nothing from elsewhere, nothing inline, colours that can be read."""

import hashlib
import json
import re
from itertools import product
from pathlib import Path

import pytest

from autotrader_v2.app.values import ROOT

STATIC = ROOT / "web" / "static"
VENDOR = STATIC / "vendor"
OWN_SCRIPTS = sorted((STATIC / "js").glob("*.js"))
BUDGET_GZ = 250_000
_FROM = re.compile(r"from \"\./(\w+\.js)\"")


@pytest.mark.parametrize("vendor", [VENDOR, ROOT / "tests" / "browser" / "vendor"], ids=["page", "tests"])
def test_w14_vendored_files_are_the_recorded_ones(vendor: Path) -> None:
    """Name, version, licence and SHA-256 of every file; no other file lies there."""
    lock = json.loads((vendor / "vendor.lock.json").read_text("utf-8"))
    recorded = {name: digest for library in lock.values() for name, digest in library["files"].items()}
    there = {file.relative_to(vendor).as_posix(): file for file in vendor.rglob("*") if file.is_file()}
    del there["vendor.lock.json"]
    assert {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in there.items()} == recorded
    for library, facts in lock.items():
        assert facts["version"]
        assert facts["license"]
        assert any(name.rsplit("/")[-1].startswith("LICENSE") for name in facts["files"]), library


# The chart library's licence wants a link that a person may follow; nothing is loaded from there.
_LINKS = {"chart_card.js": '"https://www.tradingview.com/"'}


def test_the_page_names_no_other_place() -> None:
    """No address of another host in anything of ours that the browser loads."""
    for file in [*OWN_SCRIPTS, *(STATIC / "css").glob("*.css"), *(ROOT / "web" / "templates").glob("*.html")]:
        text = file.read_text("utf-8").replace("// ", "").replace(_LINKS.get(file.name, "\0"), "")
        assert not re.search(r"(https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text), file.name


def test_w2_scripts_write_no_inline_style_and_no_raw_markup() -> None:
    """The policy forbids `style=` in markup; raw markup would run what a coin is called."""
    for file in OWN_SCRIPTS:
        text = file.read_text("utf-8")
        assert 'style="' not in text, file.name
        for raw in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert raw not in text, (file.name, raw)


def test_every_module_says_what_it_is_for_and_imports_what_exists() -> None:
    """A sentence at the top; relative imports that resolve, of names that are exported."""
    exported = {
        file: set(re.findall(r"export (?:async )?(?:function|const|class) (\w+)", file.read_text("utf-8")))
        for file in OWN_SCRIPTS
    }
    for file in OWN_SCRIPTS:
        text = file.read_text("utf-8")
        assert text.startswith(("/**", "//")), file.name
        for names, where in re.findall(r"import \{([^}]*)\} from \"([^\"]+)\"", text):
            target = (file.parent / where).resolve()
            assert target.is_file(), (file.name, where)
            if target in exported and target.name != "lib.js":
                missing = {name.strip() for name in names.split(",") if name.strip()} - exported[target]
                assert not missing, (file.name, where, missing)
            for name in (name.strip() for name in names.split(",")):
                assert not name or len(re.findall(rf"\b{re.escape(name)}\b", text)) > 1, (
                    f"{file.name}: {name} is not used"
                )


def test_the_page_is_light() -> None:
    """All that a first visit loads, compressed."""
    import gzip

    # The coins' charts are fetched by the first coin looked at: they count.
    scripts = {STATIC / "js" / name for name in ("appearance.js", "main.js", "chart_view.js")}
    while more := {STATIC / "js" / name for one in scripts for name in _FROM.findall(one.read_text("utf-8"))} - scripts:
        scripts |= more
    # The Lab is fetched when somebody opens it.
    assert {one.name for one in {*OWN_SCRIPTS} - scripts} == {
        one.name for one in OWN_SCRIPTS if one.name.startswith("lab_") and one.name != "lab_door.js"
    }
    loaded = [
        *scripts,
        *(STATIC / "css").glob("*.css"),
        *VENDOR.rglob("*.js"),
        *VENDOR.rglob("*.css"),
        STATIC / "i18n" / "ru.json",
    ]
    assert sum(len(gzip.compress(file.read_bytes())) for file in loaded) < BUDGET_GZ


# -- colours


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb. Source: WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours. Source: WCAG 2.2."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def tokens(theme: str, palette: str) -> dict[str, str]:
    """The colours of a theme and palette, as the cascade gives them."""
    sheet = re.sub(r"/\*.*?\*/", "", (STATIC / "css" / "tokens.css").read_text("utf-8"), flags=re.S)
    wanted = [":root", f':root[data-theme="{theme}"]', f':root[data-palette="{palette}"]']
    wanted.append(f':root[data-palette="{palette}"][data-theme="{theme}"]')
    found: dict[str, str] = {}
    for selector in wanted:
        for block in re.findall(rf"(?:^|\}})\s*{re.escape(selector)}\s*\{{([^}}]*)\}}", sheet):
            found |= dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))
    return found


@pytest.mark.parametrize(("theme", "palette"), list(product(["dark", "light"], ["classic", "cvd"])))
def test_every_text_colour_can_be_read(theme: str, palette: str) -> None:
    """4.5:1 for text on each ground, 3:1 for borders of controls, in each theme and palette."""
    colours = tokens(theme, palette)
    for ground, text in product(
        ["bg", "surface", "raised"], ["text", "muted", "faint", "accent", "gain", "loss", "warn", "danger", "lv-be"]
    ):
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    # A control's border is told from what lies around the control, not from its own ground.
    for ground in ("bg", "surface"):
        assert contrast(colours["line-control"], colours[ground]) >= 3.0, ground
    for mode in ("paper", "testnet", "live"):
        assert contrast(colours["mode-ink"], colours[mode]) >= 4.5, mode


def test_the_modes_are_told_apart_by_more_than_colour() -> None:
    """Three frame styles, three icons."""
    sheet = (STATIC / "css" / "base.css").read_text("utf-8")
    for style in ("dotted var(--paper-frame)", "dashed var(--testnet-frame)", "solid var(--live-frame)"):
        assert style in sheet
    icons = {(STATIC / f"icon-{mode}.svg").read_text("utf-8") for mode in ("paper", "testnet", "live")}
    assert len(icons) == 3


def test_files_of_the_page_are_text_with_one_kind_of_line_end() -> None:
    """So that the recorded digests hold on every system."""
    for file in Path(STATIC).rglob("*"):
        if file.suffix in (".js", ".css", ".json", ".svg"):
            assert b"\r" not in file.read_bytes(), file.name
