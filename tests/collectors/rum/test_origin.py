import ipaddress

import pytest

from collectors.errors import OriginError
from collectors.rum.origin import Origin, parse_address

PROXIES = ("10.0.0.0/8", "127.0.0.1/32", "2001:db8:1::/48")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["203.0.113.5"], "192.0.2.1"),  # nobody vouches for the header
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.5"], "203.0.113.5"),  # what the client wrote is to the left
        ("10.0.0.1", ["garbage, 203.0.113.5, 10.9.9.9"], "203.0.113.5"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.5", "10.1.1.1"], "203.0.113.5"),
        ("10.0.0.1", ["10.2.2.2, 10.3.3.3"], "10.2.2.2"),
        ("10.0.0.1", ["203.0.113.5:4711"], "203.0.113.5"),
        ("10.0.0.1", ["[2001:db8:9::1]:4711"], "2001:db8:9::1"),
        ("::ffff:127.0.0.1", ["::ffff:203.0.113.5"], "203.0.113.5"),
        ("2001:db8:1::7", ["2001:db8:9::1"], "2001:db8:9::1"),
        ("10.0.0.1", [" , 203.0.113.5 , "], "203.0.113.5"),
        ("fe80::1%eth0", ["203.0.113.5"], "fe80::1"),
    ],
)
def test_the_client_is_the_rightmost_address_not_ours(peer: str, forwarded: list[str], client: str):
    """Only what trusted proxies appended is believed."""
    assert Origin(PROXIES).client(peer, forwarded) == ipaddress.ip_address(client)


def test_without_trusted_proxies_the_peer_is_the_client():
    """The default believes nobody."""
    assert str(Origin().client("127.0.0.1", ["203.0.113.5"])) == "127.0.0.1"


@pytest.mark.parametrize(
    "forwarded", ["unknown", "203.0.113.5, garbage", "_hidden", "1.2.3.4.5", "999.1.1.1"]
)
def test_nonsense_from_a_trusted_proxy_is_an_error(forwarded: str):
    """A measurement must not be counted for the proxy's own network."""
    with pytest.raises(OriginError, match="is no address"):
        Origin(PROXIES).client("10.0.0.1", [forwarded])


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "[::1", "1.2.3.4:5:6"])
def test_what_is_no_address(text: str):
    """Half an address is none; an unclosed bracket is read as what it holds."""
    if text == "[::1":
        assert parse_address(text) == ipaddress.ip_address("::1")
    else:
        with pytest.raises(ValueError):
            parse_address(text)


def test_a_bad_prefix_is_refused_at_start():
    """A typing error in the settings does not become a silent distrust."""
    with pytest.raises(ValueError):
        Origin(["10.0.0.1/8"])
