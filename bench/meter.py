"""What one running process costs: its CPU time and its own memory, as the kernel counts them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Meter:
    """Reads /proc of one process."""

    pid: int

    def cpu_seconds(self) -> float:
        """utime + stime of the process, to the nanosecond (schedstat of its tasks)."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def memory_kb(self) -> int:
        """Memory of its own (PSS)."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        found = re.search(r"^Pss:\s+(\d+) kB", text, re.M)
        assert found
        return int(found[1])
