from __future__ import annotations

import json
from typing import Any

import pytest

from collectors.errors import FormError
from collectors.probe.agent.plans import decode, encode
from collectors.probe.plan import ProbePlan
from collectors.probe.target import Target
from collectors.probe.threshold import Threshold

PLANS = {
    "fra": ProbePlan(
        (
            Target(
                "https", "2001:db8::1", 8443, 1.5, sni="a", verify=True, certificate_days=14.0, path="/x",
                host="a", status=((200, 200), (300, 399)), header="X: y", body="é",
            ),
        ),
        0.5, Threshold(1, 4), "unknown",
    ),
    "ams": ProbePlan(
        (
            Target(
                "dns", "192.0.2.1", 53, name="a.", record_type="TXT", rcode="NXDOMAIN", answer="x",
                transport="tcp",
            ),
            Target("tcp", "192.0.2.2", 443),
        ),
        5.0, Threshold(2, 3),
    ),
}  # fmt: skip


def test_plans_arrive_as_they_left() -> None:
    """Every field of every kind."""
    version, body = encode(PLANS)
    assert decode(body) == (version, PLANS)


def test_the_version_is_of_the_content() -> None:
    """The same in another order and after a restart; another one for the smallest change."""
    version, _ = encode(PLANS)
    assert encode(dict(reversed(PLANS.items())))[0] == version
    assert encode({"fra": PLANS["fra"]})[0] != version
    assert encode({})[0] != ""


def changed(**fields: Any) -> bytes:
    """Return a plan with one target whose fields are changed; None takes one away."""
    whole = json.loads(encode({"ams": PLANS["ams"]})[1])
    target = whole["pops"]["ams"]["targets"][1]
    for name, value in fields.items():
        place = target if name not in ("rise", "start", "interval_seconds") else whole["pops"]["ams"]
        place.pop(name, None)
        place |= {} if value is None else {name: value}
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"{", "plan: not JSON"),
        (b"[]", "plan: expected an object, got list"),
        (b"{}", "pops: expected an object"),
        (changed(protocol="icmp"), "pops.ams.targets[1]: protocol is one of"),
        (changed(port=70_000), "pops.ams.targets[1].port: expected 0 to 65535"),
        (changed(address=None), "pops.ams.targets[1].address: is missing"),
        (changed(colour="red"), "pops.ams.targets[1].colour: no such key: this agent is older"),
        (changed(verify=1), "pops.ams.targets[1].verify: expected true or false"),
        (changed(status=[[1, 2]]), "pops.ams.targets[1].status: expected 100 to 599"),
        (changed(rise=0), "pops.ams.rise: expected 1 to 100"),
        (changed(start="maybe"), "pops.ams.start: expected up, down, unknown"),
        (changed(interval_seconds="5"), "pops.ams.interval_seconds: expected a number"),
    ],
)
def test_what_is_no_plan_is_named(body: bytes, fault: str) -> None:
    """With its path; also what only a newer server would say."""
    with pytest.raises(FormError) as error:
        decode(body)
    assert str(error.value).startswith(fault)
