"""Aggregate in, Prediction out. Knows no catalog and no DNS; imports only `collectors`."""
