"""Put on a program's path, it has every process of ours log at level DEBUG."""

from __future__ import annotations

import logging
from typing import Any

_configured = logging.basicConfig


def _at_debug(**options: Any) -> None:
    _configured(**(options | {"level": logging.DEBUG}))


logging.basicConfig = _at_debug
