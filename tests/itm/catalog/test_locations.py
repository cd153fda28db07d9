"""Resource Locations of a service."""

from __future__ import annotations

import pytest

from itm.catalog.types import Location
from tests.itm.catalog.bundles import service, service_faults

JOINT = "steer: [up, fastest, joint]\n"


def test_places_of_vdas() -> None:
    """One or several, each with its part of the sessions, and a network of its own where there is one."""
    body = (
        "locations:\n  home: {country: DE, lat: 50, lon: 8.5, weight: 3, network: 203.0.113.0/24}\n"
        "  branch: {country: JP, lat: 35.7, lon: 139.7}\n"
    )
    assert service(JOINT + body).tuning.locations == (
        Location("home", "DE", 50.0, 8.5, 3.0, "203.0.113.0/24"),
        Location("branch", "JP", 35.7, 139.7),
    )


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (JOINT + "locations: {}", "locations: expected at least one Resource Location"),
        (JOINT + "locations: {a: {lat: 1, lon: 2}}", "locations.a: `country` is missing"),
        (JOINT + "locations: {a: {country: XX, lat: 1, lon: 2}}", "locations.a.country: expected an ISO"),
        (JOINT + "locations: {a: {country: DE, lat: 91, lon: 2}}", "locations.a.lat: expected -90 to 90"),
        (JOINT + "locations: {a: {country: DE, lat: 1, lon: 2, weight: 0}}", "locations.a.weight: expected"),
        (
            JOINT + "locations: {a: {country: DE, lat: 1, lon: 2, network: 203.0.113.7}}",
            "locations.a.network: expected a network of /24",
        ),
        (
            JOINT + "locations: {a: {country: DE, lat: 1, lon: 2, network: here}}",
            "locations.a.network: 'here' does not appear to be",
        ),
        ("locations: {a: {country: DE, lat: 1, lon: 2}}", "locations: only the step `joint` reads"),
    ],
)
def test_faults(body: str, fault: str) -> None:
    """Each is told with its path; so are places that no step reads."""
    found = service_faults(body)
    assert len(found) == 1
    assert found[0].startswith(fault)
