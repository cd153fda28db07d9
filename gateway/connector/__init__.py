"""The connector: Open frames in, joined streams out; it lives in the customer's network and only dials out.

It takes rendezvous requests from POPs over control channels, and joins a data channel to a VDA of its
allow-list. It knows no tickets and no users.
"""
