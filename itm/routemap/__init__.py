"""The frozen result: which ranked POPs every network gets, and the file it travels in.

In: ranked leaves from `itm.steer`. Out: `RouteMap`, looked up by `itm.dns`.
Knows nothing of measurements, predictions, DNS messages or SQL.
"""
