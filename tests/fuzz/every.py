"""All targets there are, by name."""

from __future__ import annotations

from typing import Final

from tests.fuzz import (
    check_targets,
    delta_targets,
    dns_targets,
    feed_targets,
    rum_targets,
    session_targets,
    targets,
)
from tests.fuzz.target import Target

TARGETS: Final[dict[str, Target]] = (
    targets.TARGETS
    | dns_targets.TARGETS
    | rum_targets.TARGETS
    | session_targets.TARGETS
    | delta_targets.TARGETS
    | check_targets.TARGETS
    | feed_targets.TARGETS
)
