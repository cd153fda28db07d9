"""The shape of the house: file and function lengths, names, tests beside what they test."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("collectors", "models", "itm", "gateway")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "handlers"}
MOST_SUPPRESSIONS = 45
"""Most `noqa` and `type: ignore` marks in the product."""


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_files_are_one_noun_long() -> None:
    """No file of the product, its tests or its benchmarks is above 400 lines."""
    folders = (*PACKAGES, "tests", "bench", "alembic")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert [p.name for p in files if len(p.read_text().splitlines()) > MAX_FILE_LINES] == []


def test_functions_are_short() -> None:
    """No function of the product is above 60 lines."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert long == []


def test_no_drawers() -> None:
    """No module has a name that says nothing."""
    assert [str(p.relative_to(ROOT)) for p in sources() if p.stem in DRAWERS] == []


def test_every_module_says_what_it_is() -> None:
    """Every module opens with a docstring."""
    assert [str(p) for p in sources() if ast.get_docstring(ast.parse(p.read_text())) is None] == []


def test_nothing_is_left_undone() -> None:
    """No TODO, no stub, no machine path in the tree's sources."""
    marks = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error", "/" + "work/")
    folders = (*PACKAGES, "tests", "bench", "docs", "alembic", "data")
    texts = [
        p
        for folder in folders
        for p in (ROOT / folder).rglob("*")
        if p.suffix in {".py", ".md", ".yaml", ".zone"} and p.parent.name != "house"
    ]
    assert [str(p.relative_to(ROOT)) for p in texts if any(m in p.read_text() for m in marks)] == []


def test_suppressions_are_counted() -> None:
    """`noqa` and `type: ignore` stay few."""
    text = "".join(path.read_text() for path in sources())
    assert text.count("# noqa") + text.count("type: ignore") <= MOST_SUPPRESSIONS


def test_tests_mirror_the_tree() -> None:
    """A test module stands where what it tests stands; `test_NAME_ASPECT.py` is one aspect of NAME."""
    strays = []
    for package in PACKAGES:
        for path in sorted((ROOT / "tests" / package).rglob("test_*.py")):
            folder = (ROOT / path.relative_to(ROOT / "tests")).parent
            about = path.stem.removeprefix("test_") + "_"
            twins = {p.stem.strip("_") + "_" for p in folder.iterdir() if p.suffix == ".py" or p.is_dir()}
            if not any(about.startswith(twin) for twin in twins):
                strays.append(str(path.relative_to(ROOT)))
    assert strays == []
