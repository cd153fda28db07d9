"""Named counters with one label each, as Prometheus reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


class Counters:
    """Counts events by (name, label value); `text` renders them beside gauges."""

    def __init__(self) -> None:
        self.values: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, label: str = "", by: int = 1) -> None:
        """Count `by` of them."""
        self.values[name, label] += by

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return the exposition format: counters `gateway_pop_NAME_total{reason=…}`, then gauges."""
        lines = [
            f"gateway_pop_{name}_total{{reason=\"{label}\"}} {value}" if label
            else f"gateway_pop_{name}_total {value}"
            for (name, label), value in sorted(self.values.items())
        ]  # fmt: skip
        lines += [f"gateway_pop_{name} {value:g}" for name, value in gauges.items()]
        return "\n".join(lines) + "\n"
