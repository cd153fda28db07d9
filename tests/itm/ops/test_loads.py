"""How full POPs are: what hosts report, for as long as it is fresh."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.feed.load import Load
from itm.ops.loads import MOST_HOSTS, Loads
from itm.steer import loads as file
from itm.steer.loads import PopLoad, loads_of


def test_the_hosts_of_a_pop_add_up(tmp_path: Path) -> None:
    """Each host's last word counts, whatever the order they come in."""
    loads = Loads(tmp_path / file.FILE)
    for host, sessions, time in (("a", 10, 100.0), ("b", 20, 110.0), ("a", 30, 120.0), ("a", 99, 105.0)):
        loads.note(Load("fra", host, sessions, 100, time))
    found = loads.of("fra", 121.0)
    assert found == PopLoad(sessions=50, capacity=200, hosts=2, age_seconds=11.0)
    assert found.share == 0.25


def test_what_is_too_old_is_not_known(tmp_path: Path) -> None:
    """A host that fell silent is not counted; when all did, nothing is known; nor of who never spoke."""
    loads = Loads(tmp_path / file.FILE)
    loads.note(Load("fra", "a", 10, 100, 100.0))
    loads.note(Load("fra", "b", 20, 100, 130.0))
    later = loads.of("fra", 161.0)
    assert later is not None
    assert (later.sessions, later.hosts) == (20, 1)
    assert loads.of("fra", 191.0) is None
    assert loads.of("ams", 100.0) is None
    patient = Loads(tmp_path / file.FILE, stale_seconds=600)
    patient.note(Load("fra", "a", 10, 100, 100.0))
    assert patient.of("fra", 700.0) is not None


def test_made_up_hosts_do_not_fill_the_memory(tmp_path: Path) -> None:
    """The ones heard of longest ago give way."""
    loads = Loads(tmp_path / file.FILE)
    for number in range(2 * MOST_HOSTS):
        loads.note(Load("fra", f"h{number}", 1, 1, float(number)))
    found = loads.of("fra", 2.0 * MOST_HOSTS)
    assert found is not None
    assert found.hosts <= MOST_HOSTS


def test_the_builder_reads_what_the_edge_was_told(tmp_path: Path) -> None:
    """With its age; after a restart of the edge what was told before still counts, until it is stale."""
    path = tmp_path / file.FILE
    loads = Loads(path)
    for pop, host, sessions, time in (("fra", "a", 10, 100.0), ("fra", "b", 20, 130.0), ("ams", "", 5, 60.0)):
        loads.note(Load(pop, host, sessions, 100, time))
    loads.save()
    assert loads_of(path, 60, 140.0) == {"fra": PopLoad(30, 200, 2, 40.0)}
    assert set(loads_of(path, 600, 140.0)) == {"fra", "ams"}
    path.rename(tmp_path / "before")
    loads.save()
    assert not path.exists()  # nothing new
    (tmp_path / "before").rename(path)
    assert Loads(path).of("fra", 140.0) == PopLoad(30, 200, 2, 40.0)


@pytest.mark.parametrize("text", ["", "{", "[[1]]", '[["fra", "", "many", 1, 1]]', "null", "[1]"])
def test_a_damaged_file_says_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / file.FILE
    assert loads_of(path, 60, 0) == {}
    path.write_text(text)
    assert loads_of(path, 60, 0) == {}


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loads = Loads(tmp_path / "gone" / file.FILE)
    loads.note(Load("fra", "a", 10, 100, 100.0))
    loads.save()
    assert "loads.unwritten" in caplog.text
