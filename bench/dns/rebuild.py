"""A stand-in for a full rebuild: make, write and publish a large map, over and over.

python -m bench.dns.rebuild MAPS [ROUNDS]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench.dns.world import put
from itm.routemap.current import live_version


def main() -> None:
    os.nice(10)  # as the builder does: thinking never goes before answering
    maps = Path(sys.argv[1])
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 5):
        put(maps, (live_version(maps) or 0) + 1)


if __name__ == "__main__":
    main()
