from __future__ import annotations

import pytest

from itm.dns.networks import Networks, client_of
from itm.errors import ConfigError


@pytest.mark.parametrize(
    ("peer", "is_in"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("192.0.3.7", False),
        ("2001:db8::1", True),
        ("2001:db8::1%eth0", True),
        ("2001:db9::1", False),
    ],
)
def test_who_is_in(peer: str, is_in: bool) -> None:
    """Both families, mapped and scoped addresses; asked twice, the same answer."""
    networks = Networks(("192.0.2.0/24", "2001:db8::/32"), "dns.tcp_exempt")
    assert [peer in networks, peer in networks] == [is_in, is_in]


def test_a_wrong_prefix_names_the_setting() -> None:
    """Host bits and rubbish are refused."""
    for prefix in ("192.0.2.1/24", "example.net"):
        with pytest.raises(ConfigError, match=r"^dns\.proxy_from: "):
            Networks((prefix,), "dns.proxy_from")
    assert not Networks((), "dns.proxy_from")


def test_what_a_client_is() -> None:
    """An IPv4 address, mapped or not; an IPv6 /64."""
    assert client_of("192.0.2.7") == client_of("::ffff:192.0.2.7") != client_of("192.0.2.8")
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff:1") != client_of("2001:db8:0:1::1")
