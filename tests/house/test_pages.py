"""The script that other people's pages load stays small, whole in one file, and free of anybody else's."""

from __future__ import annotations

import re

import pytest

from collectors.limits import LIMITS
from collectors.rum.session import TIMEOUT_MS
from tests.house.test_shape import ROOT

SCRIPT = ROOT / "itm" / "ops" / "pages" / "rum.js"
MOST_BYTES = 6000
"""Of the script without comments and indentation: what it would weigh minified, names kept."""


def without_comments(text: str) -> str:
    """Return the lines of a script without its `//` comments (no string of it has ` //`) and indentation."""
    lines = (re.sub(r"(^|\s)//.*", "", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def test_the_script_is_small() -> None:
    """At most 6 kB: it loads on other people's pages."""
    assert len(without_comments(SCRIPT.read_text()).encode()) <= MOST_BYTES


def test_the_script_stands_alone() -> None:
    """It loads nothing, evaluates nothing, keeps no cookie, and lines are no longer than Python's."""
    text = SCRIPT.read_text()
    assert re.findall(r"\b(?:import|require|eval|cookie|innerHTML|XMLHttpRequest)\b", text) == []
    assert [line for line in text.splitlines() if len(line) > 110] == []


@pytest.mark.parametrize("name", ["demo.html", "demo.css", "demo.js", "rum.js"])
def test_nothing_comes_from_elsewhere(name: str) -> None:
    """No file names an address of anybody's."""
    assert re.findall(r"//\w|url\(|@import", (SCRIPT.parent / name).read_text()) == []


def test_the_script_and_the_collector_agree() -> None:
    """What the script sends, the collector takes; both give a POP the same time."""
    text = SCRIPT.read_text()
    least, most = re.findall(r"\[LEAST, MOST\] = \[([\d.e]+), ([\d.e]+)\]", text)[0]
    assert {low for metric, (low, _) in LIMITS.items() if metric != "availability"} == {float(least)}
    assert LIMITS["throughput_kbps"][1] == float(most)
    assert re.findall(r"TIMEOUT_MS = (\d+)", text) == [str(TIMEOUT_MS)]
    assert min(high for metric, (_, high) in LIMITS.items() if metric.endswith("_ms")) > TIMEOUT_MS


def test_the_script_is_documented() -> None:
    """docs/rum.md has every attribute, step and objection of the script, the key it keeps, and no others."""
    text, page = SCRIPT.read_text(), (ROOT / "docs" / "rum.md").read_text()
    names = re.findall(r'number\("(\w+)"|dataset\.(\w+)', text)
    attributes = {
        "data-" + re.sub("[A-Z]", lambda m: f"-{m[0].lower()}", one or other) for one, other in names
    }
    assert set(re.findall(r"^\| `(data-[\w-]+)`", page, re.M)) == attributes
    steps = {*re.findall(r'tell\("(\w+)"', text), *re.findall(r'\["(\w+)"', text)}
    assert set(re.findall(r"^\| `(\w+)` \|", page.partition("## Events")[2], re.M)) == steps
    objections = {*re.findall(r'return "(\w+)"', text), *re.findall(r'why: "(\w+)"', text)}
    assert set(re.findall(r"`(\w+)`", page.partition("`why`: ")[2].partition(" |\n")[0])) == objections
    assert re.findall(r'KEPT = "(\S+)"', text) == re.findall(r"it keeps `(\S+)`", page)
