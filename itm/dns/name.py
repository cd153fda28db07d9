"""Domain names in wire form: length-prefixed labels and the root's zero byte, at most 255 bytes.

Text is the presentation format of RFC 1035 5.1 with its `\\.` and `\\DDD` escapes.
"""

from __future__ import annotations

from typing import Final

ROOT: Final = b"\0"
MAX_NAME: Final = 255  # RFC 1035 2.3.4
MAX_LABEL: Final = 63


def encode(text: str, origin: bytes | None = None) -> bytes:
    """Return the wire form of a name; `@` and relative names are completed with `origin`.

    Raises `ValueError` for empty or overlong labels, overlong names, bad escapes, and for a relative
    name without origin.
    """
    if text == "@" and origin is not None:
        return origin
    if text == ".":
        return ROOT
    labels = _labels(text)
    absolute = labels[-1] == b""
    if absolute:
        labels.pop()
    elif origin is None:
        raise ValueError(f"{text!r} does not end in a dot")
    if not labels or any(not label for label in labels):
        raise ValueError(f"{text!r} has an empty label")
    if any(len(label) > MAX_LABEL for label in labels):
        raise ValueError(f"{text!r} has a label of more than {MAX_LABEL} bytes")
    wire = b"".join(bytes((len(label),)) + label for label in labels)
    wire += ROOT if absolute or origin is None else origin
    if len(wire) > MAX_NAME:
        raise ValueError(f"{text!r} is longer than {MAX_NAME} bytes")
    return wire


def unescape(text: str) -> bytes:
    """Return the bytes of a character string with `\\X` and `\\DDD` escapes (UTF-8 otherwise)."""
    if "\\" not in text:
        return text.encode()
    out = bytearray()
    position = 0
    while position < len(text):
        char, position = _char(text, position)
        out += char
    return bytes(out)


def decode(wire: bytes) -> str:
    """Return the presentation form of a wire name, absolute."""
    if wire == ROOT:
        return "."
    return "".join(_label_text(label) + "." for label in labels_of(wire))


def labels_of(wire: bytes) -> list[bytes]:
    """Return the labels of a valid wire name, without the root."""
    found = []
    position = 0
    while length := wire[position]:
        found.append(wire[position + 1 : position + 1 + length])
        position += 1 + length
    return found


def parent(wire: bytes) -> bytes:
    """Return the name without its first label; the root has no parent and gives itself."""
    return wire[1 + wire[0] :] if wire[0] else wire


def is_within(wire: bytes, ancestor: bytes) -> bool:
    """Return whether the name equals `ancestor` or lies below it (both in lower case)."""
    while len(wire) > len(ancestor):
        wire = parent(wire)
    return wire == ancestor


def _labels(text: str) -> list[bytes]:
    labels, label, position = [], bytearray(), 0
    while position < len(text):
        if text[position] == ".":
            labels.append(bytes(label))
            label.clear()
            position += 1
            continue
        char, position = _char(text, position)
        label += char
    return [*labels, bytes(label)]


def _char(text: str, position: int) -> tuple[bytes, int]:
    if text[position] != "\\":
        return text[position].encode(), position + 1
    digits = text[position + 1 : position + 4]
    if digits[:1].isdecimal():
        if len(digits) < 3 or not digits.isdecimal() or int(digits) > 255:
            raise ValueError(f"{text!r} has a bad escape")
        return bytes((int(digits),)), position + 4
    if not digits:
        raise ValueError(f"{text!r} ends in a backslash")
    return digits[0].encode(), position + 2


def _label_text(label: bytes) -> str:
    return "".join(
        f"\\{chr(byte)}" if byte in b'."();@$\\' else chr(byte) if 0x21 <= byte <= 0x7E else f"\\{byte:03d}"
        for byte in label
    )
