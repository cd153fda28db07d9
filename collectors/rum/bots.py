"""Requests of programs that say they are no user: they get no plan, and nothing that they measure counts.

Keeps honest robots out of the numbers; one that lies about itself is met by the guard. Knows one header.
"""

from __future__ import annotations

import re
from typing import Final

# Cubot makes telephones.
_SIGNS: Final = re.compile(
    r"(?<!cu)bot(?![a-z])|crawl|spider|slurp|archiver|facebookexternalhit|preview"
    r"|lighthouse|pagespeed|ptst/|gtmetrix|pingdom|uptimerobot|statuscake|site24x7",
    re.IGNORECASE,
)
"""Names that crawlers, link previews and page testers give themselves."""

MAX_CHARACTERS: Final = 512
"""No further is looked: browsers' names are half as long."""


def is_bot(user_agent: str) -> bool:
    """Say whether a `User-Agent` names a robot. It is looked at and forgotten: neither kept nor logged."""
    return _SIGNS.search(user_agent[:MAX_CHARACTERS]) is not None
