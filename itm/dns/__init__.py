"""The answering path: a RouteMap and the health table in, DNS messages out.

A query costs one parse, one longest-prefix lookup, one mask and one copy of ready bytes; everything
else happened when the map changed. Knows nothing of measurements, decisions, SQL or HTTP.
"""
