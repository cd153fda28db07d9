import numpy as np

from collectors.guard import Guard, PopSites
from collectors.intake import take
from collectors.ladder import Ladder
from tests.collectors.observed import NOON, observed
from tests.itm.steer.worlds import places

POPS = PopSites.of(["tokyo", "ams"], [35.7, 52.4], [139.7, 4.9])


def test_records_are_placed_judged_and_gathered() -> None:
    """What is refused counts nowhere, what contradicts its place for its network, the rest everywhere."""
    ladder = Ladder(places(), {"JP": "AS"})
    batch = np.concatenate(
        [observed([9, 8], pop="tokyo"), observed([1], pop="ams"), observed([9], pop="gone")]
    )
    taken = take(batch, Guard(), ladder, POPS, NOON, 43_200.0)
    assert taken.refused["unknown_pop"] == 1
    assert taken.own_only == 1
    assert taken.gathered.counted == 3
    values = taken.gathered.values
    of = {name: number for number, name in enumerate(taken.gathered.pops.tolist())}
    assert set(values.rung[values.pop == of[b"ams"]].tolist()) == {0}
    assert {0, 2} < set(values.rung[values.pop == of[b"tokyo"]].tolist())
