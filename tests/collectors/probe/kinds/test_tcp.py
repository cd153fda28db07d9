from collectors.probe.target import Target
from tests.collectors.probe.kinds.servers import checked, silent


def test_a_tcp_check_passes_when_the_port_accepts() -> None:
    """Three-way handshake done: up, with nothing said."""
    outcome = checked(Target("tcp", "127.0.0.1", 0, 10.0), silent)
    assert (outcome.up, outcome.days_left) == (True, None)
