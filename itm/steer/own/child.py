"""The child process of one own step: `python -m itm.steer.own.child NAME SECONDS MEGABYTES PARENT`.

Foreign code runs here and nowhere else: with limits of CPU, memory, files and their size, without the
server's environment, and with its prints on stderr. A view comes in, what the step returned goes out.
"""

from __future__ import annotations

import math
import os
import resource
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, Final

import numpy as np

from collectors.arrays import ArrayFile
from itm.steer.own import frames
from itm.steer.own.view import View
from itm.tether import tie

GROUP: Final = "itm.steps"
"""The group of entry points in which packages offer steps."""

MOST_FILES: Final = 64
MOST_FILE_BYTES: Final = 1 << 20


def main(words: list[str]) -> int:
    """Serve views until the input ends."""
    name, seconds, megabytes, parent = words[0], float(words[1]), int(words[2]), int(words[3])
    views, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if not tie(parent):
        return 1
    limit(seconds, megabytes)
    step, fault = None, ""
    try:
        step = resolve(name)
    except Exception as error:
        fault = _told(error)
    while (sent := frames.receive(views)) is not None:
        frames.send(answers, ArrayFile({"fault": fault}, {}) if step is None else asked(step, sent))
    return 0


def asked(step: Callable[[View], object], sent: ArrayFile) -> ArrayFile:
    """Return what foreign code makes of a view: its arrays, or its exception as a text."""
    try:
        return ArrayFile({"fault": ""}, _arrays(step(View.from_file(sent))))
    except Exception as error:
        return ArrayFile({"fault": _told(error)}, {})


def limit(seconds: float, megabytes: int) -> None:
    """Bound this process: what it takes beyond is refused (memory, files) or ends it (CPU)."""
    cpu = math.ceil(seconds) + 1
    for kind, most in (
        (resource.RLIMIT_AS, megabytes << 20),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_NOFILE, MOST_FILES),
        (resource.RLIMIT_FSIZE, MOST_FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def resolve(name: str) -> Callable[[View], object]:
    """Return the step that an installed package offers. Raises `LookupError`, or what its import raises."""
    found = tuple(entry_points(group=GROUP, name=name))
    if not found:
        offered = ", ".join(sorted(one.name for one in entry_points(group=GROUP))) or "none"
        raise LookupError(f"no package offers a step {name!r} in the group {GROUP} (offered: {offered})")
    if len({one.value for one in found}) > 1:
        raise LookupError(f"several packages offer a step {name!r}: {', '.join(o.value for o in found)}")
    step: Callable[[View], object] = found[0].load()
    return step


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _arrays(returned: object) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    if not isinstance(returned, Mapping):
        raise TypeError(f"expected a mapping of names to arrays, got {type(returned).__name__}")
    arrays = {str(name): np.asarray(values) for name, values in returned.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "bfiu":
            raise TypeError(f"{name}: expected numbers or truth values, got {array.dtype}")
    return arrays


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
