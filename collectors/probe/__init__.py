"""Synthetic checks: a target goes in, an `Outcome` comes out; consecutive outcomes make a verdict.

`check` is the only module here that touches the network. Knows nothing of catalogs, overrides or maps.
"""
