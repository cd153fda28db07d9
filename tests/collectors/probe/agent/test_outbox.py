from __future__ import annotations

from collectors.probe.agent.outbox import MOST_AT_ONCE, MOST_WAITING, Outbox
from collectors.probe.agent.report import Observed, Report, encode
from collectors.probe.outcome import Outcome

GOOD = Outcome(True, 1.0)


def test_a_report_without_an_answer_is_sent_again_as_it_was() -> None:
    """Under the same number; ages grow, and what came meanwhile waits."""
    outbox = Outbox("a1")
    outbox.add("fra", "x", GOOD, 10.0)
    first = outbox.report("v1", 11.0)
    outbox.add("fra", "y", GOOD, 12.0)
    again = outbox.report("v1", 14.0)
    assert (again.sequence, [(o.address, o.age_seconds) for o in again.observed]) == (1, [("x", 4.0)])
    assert [o.age_seconds for o in first.observed] == [1.0]
    outbox.answered()
    after = outbox.report("v1", 14.0)
    assert (after.sequence, [o.address for o in after.observed]) == (2, ["y"])


def test_a_report_is_bounded_and_the_rest_follows() -> None:
    """No server has to take more at once than the form allows."""
    outbox = Outbox("a1")
    for number in range(MOST_AT_ONCE + 5):
        outbox.add("fra", str(number), GOOD, 0.0)
    assert len(outbox.report("v1", 0.0).observed) == MOST_AT_ONCE
    assert outbox.has_more
    outbox.answered()
    assert len(outbox.report("v1", 0.0).observed) == 5
    assert not outbox.has_more


def test_while_the_server_is_away_the_oldest_give_way() -> None:
    """And are counted; memory stays flat."""
    outbox = Outbox("a1")
    for number in range(MOST_WAITING + 3):
        outbox.add("fra", str(number), GOOD, 0.0)
    assert (outbox.dropped, outbox.report("v1", 0.0).observed[0].address) == (3, "3")


def test_what_was_found_by_another_plan_is_forgotten() -> None:
    """A target may mean something else now."""
    outbox = Outbox("a1")
    outbox.add("fra", "x", GOOD, 0.0)
    outbox.forget()
    assert outbox.report("v2", 1.0).observed == ()


def test_a_full_report_fits_a_servers_usual_body() -> None:
    """With a reason for each, as long as the system's are."""
    refused = Outcome(
        False, 1234.5, "certificate: Hostname mismatch, certificate is not valid for 'gw.example.net'."
    )
    observed = Observed("az-eu-west-12", "2001:db8:1234:5678::1", refused, 0.123)
    assert len(encode(Report("a" * 16, 1, "v" * 16, (observed,) * MOST_AT_ONCE))) < 262_144 * 0.8
