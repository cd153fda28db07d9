"""The POP: clients and connectors meet here, and bytes pass.

In: TLS connections on one port, a ticket or a routing token each. Out: session records with a close code.
A stateless splice: it keeps control channels, pending rendezvous and counters, never a byte for replay.
"""
