from __future__ import annotations

import socket

import pytest

from itm.dns.listen import Listen
from itm.dns.udp import drain, listen
from itm.dns.wildcard import WildcardSocket


@pytest.mark.parametrize(
    ("anywhere", "here"), [("0.0.0.0", "127.0.0.2"), ("0.0.0.0", "127.20.0.7"), ("::", "::1")]
)
def test_the_reply_comes_from_where_the_query_went(anywhere: str, here: str) -> None:
    """A connected client hears only the address it wrote to, and hears the answer."""
    with listen(Listen(anywhere, 0)) as server:
        wrapped = WildcardSocket(server)
        with socket.socket(server.family, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.connect((here, server.getsockname()[1]))
            client.send(b"question")
            server.setblocking(True)
            assert drain(wrapped, lambda packet, peer: packet + b" of " + peer.encode(), batch=1) == 1
            assert client.recv(100) == b"question of " + client.getsockname()[0].encode()
