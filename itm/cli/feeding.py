"""What a feed's answer is to those who send one: rows taken, rows refused with their lines."""

from __future__ import annotations

from typing import Any, Protocol

from itm.errors import Refused


class Feed(Protocol):
    """The ops API, as far as it takes feeds."""

    def send(self, method: str, path: str, body: bytes, content_type: str) -> Any:
        """Return the JSON answer. Raises `Refused`."""


def sent(ops: Feed, path: str, content: bytes, content_type: str) -> dict[str, Any]:
    """Return what became of the rows; also when the server took none of them, which it answers with 400.

    Raises `Refused` when the server did not read them.
    """
    try:
        answer: dict[str, Any] = ops.send("POST", path, content, content_type)
    except Refused as error:
        if isinstance(error.answer, dict) and "accepted" in error.answer:
            return error.answer
        raise
    return answer
