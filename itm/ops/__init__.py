"""The edge process and what serves HTTP: beacons and feeds in, health and API out.

The only package with aiohttp beside the probe's I/O shell. Knows the store, the journal and the
health table; never decides which POP a client gets.
"""
