from collectors.probe.plan import ProbePlan
from collectors.probe.target import Target
from collectors.probe.threshold import Threshold
from itm.catalog.types import HealthCheck, Pop
from itm.config import Probe
from itm.ops.probes import plan_of, plans_of

DEFAULTS = Probe(interval_seconds=5, timeout_seconds=2, rise=2, fall=3)


def pop(name: str, check: HealthCheck | None) -> Pop:
    return Pop(name, "aws", "Tokyo", "JP", 35.7, 139.7, ("192.0.2.1",), ("2001:db8::1",), healthcheck=check)


def test_a_plan_takes_the_servers_defaults_where_the_catalog_is_silent() -> None:
    """No address means every address that is served; zero means the server's default."""
    plan = plan_of(pop("a", HealthCheck(protocol="http", port=8081, path="/up")), DEFAULTS)
    targets = tuple(Target("http", a, 8081, 2, path="/up") for a in ("192.0.2.1", "2001:db8::1"))
    assert plan == ProbePlan(targets, 5, Threshold(2, 3))


def test_a_plan_follows_the_catalog_where_it_speaks() -> None:
    """Check address and port may differ from the served ones."""
    check = HealthCheck(
        "dns", "198.51.100.7", 53, name="gw.", answer="192.0.2.1", transport="tcp", start="down",
        interval_seconds=30, timeout_seconds=1, rise=5, fall=1,
    )  # fmt: skip
    target = Target(
        "dns", "198.51.100.7", 53, 1, path="/healthz", name="gw.", answer="192.0.2.1", transport="tcp"
    )
    assert plan_of(pop("a", check), DEFAULTS) == ProbePlan((target,), 30, Threshold(5, 1), "down")


def test_a_pop_without_a_healthcheck_is_not_checked() -> None:
    """No `healthcheck`, no plan."""
    assert set(plans_of([pop("a", None), pop("b", HealthCheck())], DEFAULTS)) == {"b"}
