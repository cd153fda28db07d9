"""Recorded clients against the real server: measurements in through HTTP, answers out through DNS."""
