"""A world with faults: recorded round trips, people, resolvers and virtual time around the real code.

In comes a `Scenario` (a file in `scenarios/`), out goes an `Outcome`: what users saw, per phase and strategy.
What is real: Guard, intake, Windows, Evidence, the builds, their class maps, the health rules. What is made
up: the networks (`networks.py`), their resolvers (`resolving.py`), what they measure (`sessions.py`) and what
breaks (`fault.py`). Nothing here listens, sleeps or reads a clock.
"""
