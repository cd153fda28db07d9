from dataclasses import replace

from itm.catalog.load import load_bundle
from itm.config import Demo, Probe
from itm.ops.demo import bundle, targets
from itm.ops.probes import plans_of


def test_every_pop_of_the_demo_is_checked_where_its_target_listens() -> None:
    """Also when the port is set: what is served and what is checked cannot drift apart."""
    for demo in (Demo(), replace(Demo(), probe_target_port=9000)):
        pops = load_bundle(bundle(demo)).pops
        checked = {(plan.target.address, plan.target.port) for plan in plans_of(pops, Probe()).values()}
        assert checked == {(listen.host, listen.port) for listen in targets(demo)}
        assert len(checked) == 30
