"""How much the measurement stages take: journal, guard, windows, aggregates, parsers."""
