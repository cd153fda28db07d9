"""A whole gateway on loopback for a newcomer: set up once, kept running, gone when its parent is.

Uses the programs and the broker's own functions as anyone could; nothing else of the gateway knows it.
"""
