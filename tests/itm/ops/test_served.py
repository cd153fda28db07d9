from pathlib import Path

import numpy as np
import pytest

from collectors.network import Network
from itm.ops.served import Offer, ServedMap
from itm.routemap import current, snapshot
from itm.routemap.health import HealthReader, HealthWriter, State
from itm.routemap.mask import serve
from tests.itm.routemap.worlds import random_map

TOKYO = Network.of("133.11.0.1")


def publish(state: Path, seed: int, version: int) -> None:
    (state / "maps").mkdir(exist_ok=True)
    snapshot.write(random_map(seed), current.path_of(state / "maps", version))
    current.publish(state / "maps", version)


def test_without_a_map_nothing_is_offered(tmp_path: Path) -> None:
    """And one that comes later is taken up."""
    served = ServedMap(tmp_path / "maps", HealthReader(tmp_path / "health.table"))
    served.follow()
    assert served.offer("", TOKYO) is None
    publish(tmp_path, 1, 7)
    served.follow()
    assert served.offer("", TOKYO) is not None


def test_the_offer_is_what_dns_answers(tmp_path: Path) -> None:
    """The POP that the mask serves, and the leaf's order without what is drained or down."""
    publish(tmp_path, 1, 7)
    health = HealthWriter(tmp_path / "health.table")
    served = ServedMap(tmp_path / "maps", HealthReader(tmp_path / "health.table"))
    served.follow()
    routemap = random_map(1)
    rng = np.random.default_rng(3)
    for _ in range(50):
        states = [State(int(n)) for n in rng.integers(0, 4, 6)]
        health.set({f"pop-{i}": state for i, state in enumerate(states)})
        for family, bits in ((4, 24), (6, 48)):
            network = Network(family, int(rng.integers(0, 1 << bits)))
            order = routemap.order_of(0, routemap.classes[0].lookup(family, network.unit)[0])
            pop, _ = serve(order, states)
            assert served.offer("gw.example.net.", network) == Offer(
                f"pop-{pop}" if order else "",
                tuple(f"pop-{one}" for one in order if states[one] < State.DRAINED),
            )
    health.close()


def test_a_name_that_is_not_steered_is_an_error(tmp_path: Path) -> None:
    """The first steered name stands for none in particular."""
    publish(tmp_path, 1, 7)
    served = ServedMap(tmp_path / "maps", HealthReader(tmp_path / "health.table"))
    served.follow()
    assert served.offer("", TOKYO) == served.offer("gw.example.net.", TOKYO)
    with pytest.raises(KeyError):
        served.offer("www.example.net.", TOKYO)


def test_a_damaged_map_is_told_once_and_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The one before stays; a newer sound one is taken."""
    publish(tmp_path, 1, 7)
    served = ServedMap(tmp_path / "maps", HealthReader(tmp_path / "health.table"))
    served.follow()
    before = served.offer("", TOKYO)
    path = current.path_of(tmp_path / "maps", 8)
    path.write_bytes(b"rubbish")
    current.publish(tmp_path / "maps", 8)
    for _ in range(3):
        served.follow()
    assert [record.message for record in caplog.records] == ["map.refused"]
    assert served.offer("", TOKYO) == before
