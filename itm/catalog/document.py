"""YAML text in, plain Python values out: the only place that knows the YAML library.

Stricter than YAML 1.1: a repeated key is an error, `NO` and `on` are words (not booleans), and nothing
becomes a date or a base-60 number. What the values mean is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from typing import Any, Final

import yaml

from itm.errors import CatalogError

MERGE: Final = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """Safe loading by the YAML 1.2 core words, without repeated keys."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's own name


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))  # PyYAML would read a leading zero as octal


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)  # deep: a mapping that holds itself is refused


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def parse(text: str, file: str) -> object:
    """Return the document's value. Raises `CatalogError` naming file and line."""
    reasons: list[str] = []
    value = read(text, file, reasons)
    if reasons:
        raise CatalogError(reasons)
    return value


def read(text: str, file: str, reasons: list[str]) -> object:
    """Return the document's value, of repeated keys the last; each of those adds a reason with its path.

    Raises `CatalogError` naming file, line and column for a text that cannot be read at all.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        reasons.extend(f"{file}: {fault}" for fault in _repeated(loader, root, "", set()))
        return loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise CatalogError([f"{file}: {where}: {error.problem or error.context}"]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CatalogError([f"{file}: not YAML: {' '.join(str(error).split())}"]) from error


def _repeated(loader: _Loader, node: yaml.Node, path: str, seen: set[int]) -> Iterator[str]:
    """Find the keys that stand twice in one mapping, here and below; an aliased node is looked at once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated(loader, item, f"{path}[{index}]", seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[object, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                continue
            key, line = _key(loader, key_node), key_node.start_mark.line + 1
            below = f"{path}.{key}" if path else str(key)
            if key in lines:
                yield f"{below}: the key stands twice (lines {lines[key]} and {line})"
            lines[key] = line
            yield from _repeated(loader, value_node, below, seen)


def _key(loader: _Loader, node: yaml.Node) -> Hashable:
    key = loader.construct_object(node, deep=True)
    if not isinstance(key, Hashable):
        raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=node.start_mark)
    return key


def render(value: object) -> str:
    """Return YAML text of plain values, keys in the order given."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
