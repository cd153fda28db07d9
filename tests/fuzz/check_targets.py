"""What agents of checks and their server read of each other, and what a check reads of whoever answers.

Of a POP that is checked, any byte may come back: a check ends in a finding or a reason, never in a fault.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

import dns.message

from collectors.errors import FormError
from collectors.probe import certificate
from collectors.probe.agent import plans, report
from collectors.probe.agent.report import Observed, Report
from collectors.probe.failure import Failed
from collectors.probe.kinds.dns import _read
from collectors.probe.outcome import Outcome
from collectors.probe.plan import ProbePlan
from collectors.probe.target import Target as Checked
from collectors.probe.threshold import Threshold
from tests.fuzz.target import Target

QUERY: Final = dns.message.make_query("gw.example.net.", "A", id=7)
PLAN: Final = ProbePlan((Checked("https", "192.0.2.1", 443, sni="a", body="b"),), 5.0, Threshold(2, 3))
REPORT: Final = Report("a", 1, "v", (Observed("fra", "192.0.2.1", Outcome(False, 1.0, "refused"), 0.5),))


def read_report(raw: bytes) -> None:
    """What was read can be written, and reads the same."""
    read = report.decode(raw)
    rounded = tuple(
        replace(each, age_seconds=0.0, outcome=replace(each.outcome, elapsed_ms=0.0))
        for each in read.observed
    )
    again = replace(read, observed=rounded)
    assert report.decode(report.encode(again)) == again


def read_plan(raw: bytes) -> None:
    """A plan that was read can be told on, and reads the same."""
    _, read = plans.decode(raw)
    assert plans.decode(plans.encode(read)[1])[1] == read


def read_reply(raw: bytes) -> None:
    assert QUERY.is_response(_read(raw, QUERY))


def read_certificate(raw: bytes) -> None:
    assert isinstance(certificate.days_left(raw, 0.0), float)


_PLAN = plans.encode({"fra": PLAN})[1]
_REPLY = dns.message.make_response(QUERY).to_wire()
TARGETS: Final = {
    "check_report": Target(read_report, (report.encode(REPORT),), (FormError,)),
    "check_plan": Target(read_plan, (_PLAN, json.dumps(json.loads(_PLAN)["pops"]).encode()), (FormError,)),
    "check_dns_reply": Target(read_reply, (_REPLY,), (Failed,)),
    "check_certificate": Target(read_certificate, (b"\x30\x82\x01\x00",), (ValueError,)),
}
