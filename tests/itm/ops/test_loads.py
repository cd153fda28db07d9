from __future__ import annotations

from collectors.feed.load import Load
from itm.ops.loads import MOST_HOSTS, Loads, PopLoad


def test_the_hosts_of_a_pop_add_up() -> None:
    """Each host's last word counts, whatever the order they come in."""
    loads = Loads()
    for host, sessions, time in (("a", 10, 100.0), ("b", 20, 110.0), ("a", 30, 120.0), ("a", 99, 105.0)):
        loads.note(Load("fra", host, sessions, 100, time))
    found = loads.of("fra", 121.0)
    assert found == PopLoad(sessions=50, capacity=200, hosts=2, age_seconds=11.0)
    assert found.share == 0.25


def test_what_is_too_old_is_not_known() -> None:
    """A host that fell silent is not counted; when all did, nothing is known; nor of who never spoke."""
    loads = Loads()
    loads.note(Load("fra", "a", 10, 100, 100.0))
    loads.note(Load("fra", "b", 20, 100, 130.0))
    later = loads.of("fra", 161.0)
    assert later is not None
    assert (later.sessions, later.hosts) == (20, 1)
    assert loads.of("fra", 191.0) is None
    assert loads.of("ams", 100.0) is None
    patient = Loads(stale_seconds=600)
    patient.note(Load("fra", "a", 10, 100, 100.0))
    assert patient.of("fra", 700.0) is not None


def test_made_up_hosts_do_not_fill_the_memory() -> None:
    """The ones heard of longest ago give way."""
    loads = Loads()
    for number in range(2 * MOST_HOSTS):
        loads.note(Load("fra", f"h{number}", 1, 1, float(number)))
    found = loads.of("fra", 2.0 * MOST_HOSTS)
    assert found is not None
    assert found.hosts <= MOST_HOSTS
