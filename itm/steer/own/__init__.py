"""Operators' own steps: rows of a class in, checked changes out, each step in a child process with limits.

Nothing here decides: a change becomes data (`itm.steer.outcome`) that the chain applies. The child
(`itm.steer.own.child`) is the only place where foreign code runs.
"""
