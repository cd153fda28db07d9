"""A small XML document as a tree, read so that no document can cost more than its own size.

Expat with every way out closed: an internal DTD, an entity of any kind (so no expansion and no file or
network access), more than 64 KiB, 200 elements (a caller may expect more) or 16 levels are refused. The
bare `<!DOCTYPE name SYSTEM "name.dtd">` that STA clients send is allowed and never fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from gateway.errors import Invalid

MAX_BYTES: Final = 64 * 1024
MAX_ELEMENTS: Final = 200
MAX_DEPTH: Final = 16


@dataclass(slots=True)
class Element:
    """One element; `text` is its own character data, stripped."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def first(self, *path: str) -> Element | None:
        """Return the first element down the path of names."""
        found: Element | None = self
        for name in path:
            found = next((child for child in found.children if child.name == name), None) if found else None
        return found

    def text_of(self, *path: str) -> str:
        """Return the text of the first element down the path, empty if there is none."""
        found = self.first(*path)
        return found.text if found else ""

    def all(self, name: str) -> Iterator[Element]:
        """Yield the children of that name."""
        return (child for child in self.children if child.name == name)

    def anywhere(self, name: str) -> Iterator[Element]:
        """Yield the elements of that name below this one, in the order of the document."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.anywhere(name)


def parse(data: bytes, *, most_bytes: int = MAX_BYTES, most_elements: int = MAX_ELEMENTS) -> Element:
    """Return the document's root. Raises `Invalid`."""
    if len(data) > most_bytes:
        raise Invalid([f"xml: expected at most {most_bytes} bytes"])
    tree = _Tree(most_elements)
    parser = expat.ParserCreate()
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.buffer_text = True
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.characters
    parser.StartDoctypeDeclHandler = tree.doctype
    parser.EntityDeclHandler = tree.entity
    parser.ExternalEntityRefHandler = tree.entity
    parser.SkippedEntityHandler = tree.entity
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Invalid([f"xml: {error}"]) from None
    return tree.root.children[0]


class _Tree:
    """Expat's handlers."""

    def __init__(self, most_elements: int) -> None:
        self._most = most_elements
        self.root = Element("")
        self._open = [self.root]
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > self._most or len(self._open) > MAX_DEPTH:
            raise Invalid([f"xml: more than {self._most} elements or {MAX_DEPTH} levels"])
        element = Element(name, attributes)
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _name: str) -> None:
        element = self._open.pop()
        element.text = element.text.strip()

    def characters(self, text: str) -> None:
        self._open[-1].text += text

    def doctype(self, _name: str, _system: str | None, _public: str | None, has_subset: int) -> None:
        if has_subset:
            raise Invalid(["xml: a DTD inside the document is refused"])

    def entity(self, *_: object) -> int:
        raise Invalid(["xml: entities are refused"])
