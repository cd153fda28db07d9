"""The import table of ARCHITECTURE.md, held by what a fresh interpreter has loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("collectors", "models", "itm", "gateway")
HEAVY = ("sqlalchemy", "alembic", "sklearn", "skops", "scipy", "aiohttp", "geoip2", "maxminddb", "yaml")

MUST_NOT_LOAD = {
    "gateway": ("itm", "models", "collectors", "sklearn", "dnslib"),
    "gateway.protocol": ("sqlalchemy", "aiohttp", "asyncio"),
    "gateway.pop": ("sqlalchemy",),
    "gateway.connector": ("sqlalchemy",),
    "gateway.launch": ("sqlalchemy",),
    "collectors": ("models", "itm", "sqlalchemy", "sklearn"),
    "models": ("itm", "sqlalchemy", "aiohttp"),
    "itm.catalog": ("models", "sklearn", "sqlalchemy", "aiohttp"),
    "itm.steer": ("aiohttp",),
    "itm.routemap": ("models", "collectors", *HEAVY),
    "itm.dns": ("models", "collectors", *HEAVY),
}
MAY_LOAD_OF_ITM = ("itm.errors", "itm.catalog.types", "itm.routemap", "itm.dns")
"""All that the answering path may load of our own, besides the bare packages on the way there."""


def modules(package: str) -> list[str]:
    folder = ROOT / package.replace(".", "/")
    names = (path.relative_to(ROOT).with_suffix("") for path in sorted(folder.rglob("*.py")))
    return [".".join(name.parts).removesuffix(".__init__") for name in names]


def loaded_after(names: list[str]) -> set[str]:
    code = "import sys, importlib\nfor n in sys.argv[1:]: importlib.import_module(n)\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *names], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("package", MUST_NOT_LOAD)
def test_imports_point_one_way(package: str) -> None:
    """Importing every module of a package loads nothing of a later stage."""
    loaded = loaded_after(modules(package))
    assert sorted({name.partition(".")[0] for name in loaded} & set(MUST_NOT_LOAD[package])) == []


def test_the_answering_path_stands_alone() -> None:
    """`itm.dns` loads of `itm` only errors, catalog types and the route map."""
    loaded = {name for name in loaded_after(modules("itm.dns")) if name.startswith("itm.")}
    foreign = {n for n in loaded if not n.startswith(MAY_LOAD_OF_ITM)} - {"itm.catalog"}
    assert sorted(foreign) == []


def test_steering_reaches_back_to_nobody() -> None:
    """The stages of a decision load neither the listeners nor the commands that come after them."""
    loaded = loaded_after(modules("itm.steer"))
    assert sorted(n for n in loaded if n.startswith(("itm.ops", "itm.cli", "itm.simulate", "itm.dns"))) == []


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize(
    ("library", "owners"),
    [
        ("sqlalchemy", ("itm/store/", "itm/ops/", "gateway/broker/")),
        ("geoip2", ("collectors/geoip",)),
        ("maxminddb", ("collectors/geoip",)),
        ("sklearn", ("models/",)),
        ("dnslib", ("itm/cli/query.py", "itm/ops/front.py")),
        ("dns", ("itm/dns/", "gateway/", "collectors/probe/kinds/dns.py")),
    ],
)
def test_a_library_has_one_owner(library: str, owners: tuple[str, ...]) -> None:
    """Foreign types stay behind the module that knows them."""
    strangers = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if any(name.partition(".")[0] == library for name in imports_of(path))
        and not str(path.relative_to(ROOT)).startswith(owners)
    ]
    assert strangers == []
