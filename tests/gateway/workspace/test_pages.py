from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from gateway.broker.offers import Offer
from gateway.workspace import pages

VOID = {"meta", "link", "input"}
HOSTILE = "<script>alert('1')</script>\"&"
OFFER = Offer("echo-1", "Echo & <b>", "Berlin", "rdp")


class Outline(HTMLParser):
    """Checks that what is opened is closed, and keeps every tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


PAGES = {
    "login": pages.login_page(),
    "login of a tenant, wrong": pages.login_page(tenant=HOSTILE, user=HOSTILE, fault=HOSTILE),
    "login after leaving": pages.login_page(has_left=True),
    "resources": pages.resources_page(
        user=HOSTILE,
        token="t",
        offers=[OFFER, Offer(HOSTILE, HOSTILE, HOSTILE, "odd")],
        lifetime_seconds=100,
        notices=[HOSTILE],
        fault=HOSTILE,
    ),
    "nothing": pages.resources_page(user=HOSTILE, token="t", offers=[], lifetime_seconds=100),
    "fault": pages.fault_page(HOSTILE, HOSTILE),
}


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_sound(name: str) -> None:
    """Tags nest, nothing runs, nothing is from elsewhere, and no style stands where the policy forbids it."""
    text = PAGES[name]
    outline = Outline(text)
    assert "<script" not in text
    for tag, attributes in outline.tags:
        assert "style" not in attributes
        assert not [key for key in attributes if key.startswith("on")]
        for key in ("href", "src", "action"):
            target = attributes.get(key)
            assert target is None or target.startswith(("/", "#")), (tag, target)
            assert not (target or "").startswith("//")


@pytest.mark.parametrize("name", PAGES)
def test_pages_can_be_read_aloud(name: str) -> None:
    """A language, a title, one main part and first heading, a label per field, references that lead there."""
    outline = Outline(PAGES[name])
    assert outline.all("html") == [{"lang": "en"}]
    assert len(outline.all("main")) == len(outline.all("h1")) == len(outline.all("title")) == 1
    fields = {a["id"] for a in outline.all("input") if a.get("type") != "hidden"}
    assert fields <= {a.get("for") for a in outline.all("label")}
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in outline.tags:
        assert set((attributes.get("aria-describedby") or "").split()) <= set(ids)


def test_every_form_of_a_login_carries_its_token() -> None:
    """Opening and logging out."""
    outline = Outline(PAGES["resources"])
    assert len(outline.all("form")) == 3
    assert [a["value"] for a in outline.all("input") if a["name"] == "form"] == ["t"] * 3


# Contrast, by WCAG 2.2 section 1.4.3: 4.5 to 1 for text; 1.4.11: 3 to 1 for the edges of fields

TEXT = [
    ("ink", "ground"), ("ink", "sheet"), ("soft", "ground"), ("soft", "sheet"), ("key", "ground"),
    ("key", "sheet"), ("on-key", "key"), ("on-key", "key-strong"), ("ink", "tint"), ("alarm", "alarm-ground"),
    ("care", "care-ground"),
]  # fmt: skip
EDGES = [("field", "ground"), ("field", "sheet")]


def schemes() -> list[dict[str, str]]:
    text = (Path(pages.__file__).parent / "style.css").read_text()
    found = []
    for block in text.split(":root {")[1:3]:
        lines = (line.strip().rstrip(";") for line in block.partition("}")[0].splitlines())
        found.append(dict(line[2:].split(": ", 1) for line in lines if line.startswith("--")))
    return found


def luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance", of `#rrggbb`."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("least", "pairs"), [(4.5, TEXT), (3.0, EDGES)], ids=["text", "edges"])
def test_contrast(scheme: int, least: float, pairs: list[tuple[str, str]]) -> None:
    """Every pair that the style sheet puts on each other can be told apart, in both colour schemes."""
    colours = schemes()[scheme]
    for front, back in pairs:
        light, dark = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= least, (front, back)
