import pytest

from collectors.probe.target import Target


def test_words_that_do_not_exist_are_refused_when_the_target_is_made() -> None:
    """A typing error is found when the plan is made, not at the first check."""
    with pytest.raises(ValueError, match="tcp, tls, http, https, dns, gateway"):
        Target("icmp", "127.0.0.1", 1)
    with pytest.raises(ValueError, match="udp, tcp"):
        Target("dns", "127.0.0.1", 1, transport="quic")
