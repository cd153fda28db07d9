"""The documentation is true: what the code has stands on its page, with the values the code has."""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from collectors.cells import COLUMNS
from collectors.delta import VERSION
from collectors.guard import FLOOR_SHARE, REASONS
from collectors.ladder import RUNGS
from collectors.measurement import METRICS, SOURCES
from collectors.probe.target import PROTOCOLS
from collectors.probe.threshold import STARTS
from itm import __main__ as program
from itm.catalog.types import STEPS, UNTUNED
from itm.config import ROOT, Config, load
from itm.ops.app import ROUTES
from itm.routemap.health import State
from itm.steer import estimate
from itm.steer.steps.available import MIN_SAMPLES as LEAST_FETCHES
from itm.steer.steps.sticky import GAIN_MS, GAIN_SHARE, SURE_MS, SURE_SHARE
from itm.store import catalogs
from itm.store.tokens import SCOPES
from tests.house.test_imports import MUST_NOT_LOAD

PAGES = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "data/README.md",
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))),
)
WORDS = (
    "POP", "Service", "Pool", "Rule", "Catalog", "Steering class", "Network", "Unit", "Ladder", "Rung",
    "Cell", "Place", "Measurement", "Beacon", "Feed", "Journal", "Guard", "Window", "Aggregate",
    "Collector", "Delta", "Bus", "Mark",
    "Evidence", "Prediction", "Estimate", "Step", "Decision", "Plan", "Demand", "RouteMap", "Leaf",
    "Difference", "Canary", "Slice", "Replay",
    "Tail", "Run", "Snapshot", "Pin", "Scope", "Answer book", "Health", "Health table", "Override",
    "Probe", "Agent", "Quorum", "Standing", "Fail open",
    "Last-resort values", "Drain", "Token", "Edge", "Builder", "Regret",
    "Artifact",
    "Broker", "Connector", "Launcher", "VDA", "Tenant", "Resource Location", "Resource", "Target", "Site",
    "Directory", "Workspace", "Portal", "Ticket", "STA", "Launch file", "Enrolment", "Session", "Wire",
    "Epoch", "Resumable stream", "Resume secret", "Routing token", "Alternate", "Control channel",
    "Data channel", "Parked channel", "Rendezvous", "Nonce", "Hedge", "Signal", "Reach", "Pump",
    "Close code", "Trace",
)  # fmt: skip
"""The words of the house; values of enumerations are looked up in the code."""

SHARED_OPTIONS = {"config", "set", "demo", "server", "token-file"}
"""Options described once, above all commands."""


@cache
def page(name: str) -> str:
    return (ROOT / name).read_text()


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row."""
    lines = (line for line in text.splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def first_cells(name: str) -> dict[str, list[str]]:
    """Return the rows of a page's tables by what their first cell says, marks removed."""
    return {row[0].strip("`*"): row[1:] for row in rows(page(name))}


# Settings


def settings(section: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    section = Config() if section is None else section
    for field in dataclasses.fields(section):
        value = getattr(section, field.name)
        if dataclasses.is_dataclass(value):
            yield from settings(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


def shown(value: Any) -> str:
    """Return a default as docs/configure.md writes it: TOML, paths of the checkout relative to it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(shown(item) for item in value)}]"
    if isinstance(value, str):
        return '"' + value.removeprefix(f"{ROOT}/") + '"'
    return str(int(value)) if value == int(value) else str(value)


@pytest.mark.parametrize(("name", "value"), list(settings()), ids=lambda given: str(given) if given else "-")
def test_every_setting_is_documented(name: str, value: Any) -> None:
    """docs/configure.md has each setting with its default."""
    documented = first_cells("docs/configure.md")
    assert name in documented, f"{name} is missing"
    assert documented[name][0].strip("`") == shown(value)


def test_no_setting_is_made_up() -> None:
    """docs/configure.md names no setting that does not exist."""
    known = {name for name, _ in settings()}
    listed = {row[0].strip("`") for row in rows(page("docs/configure.md")) if len(row) == 4}
    assert {name for name in listed if re.search(r"[a-z]", name)} - known == {"setting"}


def test_the_example_file_loads(tmp_path: Path) -> None:
    """Every TOML example of docs/configure.md is a settings file."""
    for number, text in enumerate(re.findall(r"```toml\n(.*?)```", page("docs/configure.md"), re.DOTALL)):
        file = tmp_path / f"{number}.toml"
        file.write_text(text)
        assert load(file, env={}) != Config()


# Commands


def parser_of(command: str) -> argparse.ArgumentParser:
    return subparsers(program._parser([command]))[command]


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found[0].choices) if found else {}


def options(parser: argparse.ArgumentParser) -> set[str]:
    long = {
        option for action in parser._actions for option in action.option_strings if option.startswith("--")
    }
    return {option.removeprefix("--") for option in long} - {"help"}


def section(command: str) -> str:
    """Return what docs/cli.md says under one command's heading."""
    found = re.search(rf"^## itm {re.escape(command)}$(.*?)(?=^## |\Z)", page("docs/cli.md"), re.M | re.S)
    assert found, f"docs/cli.md has no section for `itm {command}`"
    return found[1]


@pytest.mark.parametrize("command", program.COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    """docs/cli.md has each command, each of its actions and each of their options."""
    text, parser = section(command), parser_of(command)
    actions = subparsers(parser)
    assert [name for name in actions if f"`itm {command} {name}" not in text] == []
    wanted = options(parser).union(*(options(action) for action in actions.values())) - SHARED_OPTIONS
    assert sorted(option for option in wanted if not re.search(rf"`--{option}\b", text)) == []


def test_common_options_are_documented() -> None:
    """The options that commands share stand above the commands."""
    head = page("docs/cli.md").partition("\n## ")[0]
    assert sorted(option for option in SHARED_OPTIONS if f"`--{option}" not in head) == []


@pytest.mark.parametrize("name", PAGES)
def test_commands_in_the_text_exist(name: str) -> None:
    """Whatever a page tells the reader to type is a command, with an action if it takes one."""
    for command, action in re.findall(
        r"(?:^ +|`|\$ )(?:\.venv/bin/)?itm ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", page(name), re.M
    ):
        assert command in program.COMMANDS, f"{name}: itm {command}"
        actions = subparsers(parser_of(command))
        assert not (actions and action) or action in actions, f"{name}: itm {command} {action}"


@pytest.mark.parametrize("name", PAGES)
def test_make_targets_in_the_text_exist(name: str) -> None:
    """`make X` is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.M))
    asked = set(re.findall(r"(?:^ +|`)make ([a-z-]+)", page(name), re.M))
    assert asked - targets == set()


# HTTP


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_documented(route: Any) -> None:
    """docs/api.md has each route of the table, with its scope."""
    documented = {row[0].strip("`"): row[1].strip("`") for row in rows(page("docs/api.md")) if len(row) == 3}
    assert documented.get(f"{route.method} {route.path}") == (route.scope or "")


@pytest.mark.parametrize(
    "path",
    ["/rum/v1/beacon", "/rum/v1/rum.js", "/rum/v1/demo", "/probe/v1/r.gif", "/probe/v1/l.bin", "/healthz"],
)
def test_public_paths_are_documented(path: str) -> None:
    """docs/api.md has what browsers and probes use."""
    public = page("docs/api.md").partition("## Ops listener")[0]
    assert f" {path}`" in public


def metrics() -> set[str]:
    """Return every metric name that the code of the edge makes."""
    texts = (path.read_text() for path in (ROOT / "itm" / "ops").rglob("*.py"))
    return {name for text in texts for name in re.findall(r'"(itm_[a-z_]+)"', text)}


def test_every_metric_is_documented() -> None:
    """docs/api.md has each metric in its table, and no other; docs/operate.md speaks of no other."""
    documented = {name for name in first_cells("docs/api.md") if name.startswith("itm_")}
    assert documented == metrics()
    assert set(re.findall(r"\bitm_[a-z_]+[a-z]", page("docs/operate.md"))) <= metrics()


# Packages and words, and who imports whom


def dependencies() -> set[str]:
    project = tomllib.loads(page("pyproject.toml"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return {re.split(r"[\[<>=~! ]", item)[0] for group in groups for item in group}


@pytest.mark.parametrize("name", sorted(dependencies()))
def test_every_dependency_has_a_reason(name: str) -> None:
    """docs/dependencies.md says why each package is here."""
    assert len(first_cells("docs/dependencies.md").get(name, [""])[-1]) > len(name)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_explained(word: str) -> None:
    """docs/glossary.md has each word of the house."""
    assert first_cells("docs/glossary.md").get(word, [""])[0]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("metrics of measurements", METRICS),
        ("sources of measurements", SOURCES),
        ("rungs", RUNGS),
        ("origins of an estimate", estimate.ORIGINS),
        ("steps", STEPS),
        ("states of a POP", tuple(state.name.lower() for state in State)),
        ("kinds of checks", PROTOCOLS),
        ("how a check starts", STARTS),
        ("states of a catalog version", (*catalogs.UNSETTLED, *catalogs.SETTLED, "superseded")),
        ("scopes of a token", SCOPES),
        ("why a measurement does not count", REASONS),
    ],
)
def test_every_value_is_explained(kind: str, words: tuple[str, ...]) -> None:
    """docs/glossary.md names every value that the code knows of a kind."""
    assert [word for word in words if f"`{word}`" not in first_cells("docs/glossary.md")[kind][0]] == []


def test_guards_are_documented() -> None:
    """docs/security.md has the numbers that the decision goes by."""
    guards = first_cells("docs/security.md")
    least = [estimate.MIN_DISTINCT, estimate.MIN_DISTINCT_WIDE]
    assert numbers(guards["distinct clients"][0]) == least
    assert numbers(guards["samples"][0]) == [math.ceil(estimate.MIN_SAMPLES), estimate.SHRINK_SAMPLES]
    assert numbers(guards["gain"][0]) == [GAIN_MS, 100 * GAIN_SHARE, SURE_MS, 100 * SURE_SHARE]
    assert numbers(guards["bad quarters"][0])[-1] == estimate.STEADY_MS
    assert numbers(guards["availability"][0]) == [LEAST_FETCHES, 100 * UNTUNED.threshold]
    assert numbers(guards["physics floor"][0]) == [FLOOR_SHARE]


def test_deltas_are_documented() -> None:
    """docs/delta.md has the version, every column with its type, and no other."""
    text = page("docs/delta.md")
    assert f"Version {VERSION}." in text
    listed = [row for row in rows(text) if len(row) == 4 and row[0] != "column"]
    found = {name: row[1] for row in listed for name in re.findall(r"`(\w+)`", row[0])}
    assert found == {name: f"{dtype.kind}{8 * dtype.itemsize}" for name, dtype in COLUMNS.items()}


def numbers(text: str) -> list[float]:
    """Return the numbers that stand in a text."""
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


@pytest.mark.parametrize("package", MUST_NOT_LOAD)
def test_the_import_table_is_the_tested_one(package: str) -> None:
    """ARCHITECTURE.md says what tests/house/test_imports.py holds."""
    cell = first_cells("ARCHITECTURE.md")[package][0]
    assert set(re.findall(r"`([\w.]+)`", cell)) == set(MUST_NOT_LOAD[package])


# All pages


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link leads to a file, and to a heading if it names one."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page(name)):
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), f"{name}: {target}"
        if anchor:
            assert anchor in {slug(line) for line in path.read_text().splitlines() if line.startswith("#")}, (
                target
            )


def slug(heading: str) -> str:
    """Return a heading's anchor."""
    return re.sub(r"[^\w -]", "", heading.lstrip("#").strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("name", PAGES)
def test_named_files_exist(name: str) -> None:
    """A source file or folder that a page names in backticks is there."""
    named = re.findall(r"`((?:itm|collectors|models|tests|bench|alembic)/[\w./]*)`", page(name))
    assert sorted(path for path in named if not (ROOT / path).exists()) == [], name


@pytest.mark.parametrize("name", [*PAGES, "Makefile"])
def test_named_programs_exist(name: str) -> None:
    """What a page runs with `python -m bench.…` can be run, and all of it is in the repository."""
    kept = subprocess.run(["git", "ls-files", "bench"], cwd=ROOT, capture_output=True, text=True, check=True)
    named = re.findall(r"python -m (bench[\w.]*\w)", page(name))
    files = [(f"{one.replace('.', '/')}/__main__.py", f"{one.replace('.', '/')}.py") for one in named]
    assert [one for one in files if not set(one) & set(kept.stdout.split())] == [], name


@pytest.mark.parametrize("name", PAGES)
def test_pages_know_no_machine(name: str) -> None:
    """A page names no folder of the machine it was written on."""
    assert re.findall(r"(?<![\w.])/(?:work|tmp|home|root|Users)/", page(name)) == []


@pytest.mark.parametrize("name", PAGES)
def test_places_are_credited(name: str) -> None:
    """A page that shows where networks are names the source with its link."""
    if re.search(r"near -?\d+\.\d,-?\d+\.\d", page(name)):
        assert "IP Geolocation by DB-IP (https://db-ip.com)" in page(name)
