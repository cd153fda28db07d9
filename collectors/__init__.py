"""Measurement in, Aggregate out. Imports nothing of `models` or `itm`."""
