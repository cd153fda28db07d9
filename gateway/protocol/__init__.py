"""Every byte on the gateway's wires, without a socket, a clock or a log: bytes in, events out, bytes out.

A program feeds what it read and writes what it is given. Time and randomness are arguments. What a peer did
wrong is a `ProtocolError` with a close code that names the party at fault. `docs/protocol.md` describes the
same bytes in words.
"""
