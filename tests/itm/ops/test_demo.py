from dataclasses import replace
from pathlib import Path

from collectors.probe.plan import ProbePlan
from collectors.probe.target import Target
from collectors.probe.threshold import Threshold
from itm.catalog.load import load_bundle, read_bundle
from itm.config import Demo, Probe
from itm.ops.demo import bundle, checked_here, probed_here, targets
from itm.ops.probes import plans_of


def test_every_pop_of_the_demo_is_checked_where_its_target_listens() -> None:
    """Also when the port is set: what is served and what is checked cannot drift apart."""
    for demo in (Demo(), replace(Demo(), probe_target_port=9000)):
        plans = checked_here(plans_of(load_bundle(bundle(demo)).pops, Probe()), demo)
        checked = {(target.address, target.port) for plan in plans.values() for target in plan.targets}
        assert checked == {(listen.host, listen.port) for listen in targets(demo)}
        assert len(checked) == 30


def test_every_pop_of_the_demo_is_measured_where_its_target_listens() -> None:
    """Browsers and session plans go where the checks go; URLs of real POPs are the operator's word."""
    demo = replace(Demo(), probe_target_port=9000)
    urls = {probed_here(pop.probe_url, demo) for pop in load_bundle(bundle(demo)).pops}
    assert urls == {f"http://{listen.host}:9000" for listen in targets(demo)}
    for url in ("https://fra.example:8081", "http://192.0.2.1:8081/x", "http://127.0.0.1:8082", ""):
        assert probed_here(url, demo) == url
    assert probed_here("http://[::1]:8081/x", demo) == "http://[::1]:9000/x"


def test_the_demo_is_stored_as_it_stands_on_disk() -> None:
    """Applying the bundled catalog again is no change, whatever the port."""
    assert bundle(replace(Demo(), probe_target_port=9000)) == read_bundle(Path(Demo().catalog))


def test_checks_that_are_not_the_demos_are_left_alone() -> None:
    """Another port is the operator's word, another machine is no POP of the demo."""
    own = Target("http", "127.0.0.9", 7000)
    real = Target("http", "192.0.2.1", Demo().probe_target_port)
    plans = {str(n): ProbePlan((target,), 5.0, Threshold(2, 3)) for n, target in enumerate((own, real))}
    assert checked_here(plans, replace(Demo(), probe_target_port=9000)) == plans
