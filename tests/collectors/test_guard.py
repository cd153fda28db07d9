import math

import numpy as np
import pytest

from collectors.guard import PLACE_RADIUS_KM, REASONS, Guard, Judgement, PopSites, Whereabouts, floor_ms
from collectors.measurement import SOURCES
from tests.collectors.observed import DAY, NOON, observed

TOKYO = (35.7, 139.7)
POPS = PopSites.of(
    ["syd", "tyo", "fra", "moon"], [-33.9, 35.7, 50.1, math.nan], [151.2, 139.7, 8.7, math.nan]
)
TOKYO_FRANKFURT_KM = 9360


def judged(guard: Guard, records: np.ndarray, place: tuple[float, float] = TOKYO) -> Judgement:
    """Return the judgement on records that all come from one place."""
    return guard.judge(records, at(place, len(records)), POPS)


def at(place: tuple[float, float], count: int, asn: int = 64500) -> Whereabouts:
    """Return the whereabouts of records that all come from one place."""
    lat, lon = (np.full(count, degrees, np.float32) for degrees in place)
    return Whereabouts(lat, lon, np.full(count, asn, np.uint32), np.full(count, 99, np.uint64))


def test_the_floor_is_the_fibre_floor():
    """100 km of great circle are 1 ms, after the place's radius is taken off; nothing is negative or NaN."""
    lat, lon = (np.full(len(POPS.ids), degrees) for degrees in TOKYO)
    floors = dict(zip(POPS.ids.tolist(), floor_ms(lat, lon, POPS.lat, POPS.lon).tolist(), strict=True))
    assert floors[b"fra"] == pytest.approx((TOKYO_FRANKFURT_KM - PLACE_RADIUS_KM) / 100, rel=0.01)
    assert floors[b"tyo"] == floors[b"moon"] == 0
    antipodes = floor_ms(np.array([0.0]), np.array([0.0]), np.array([0.0]), np.array([180.0]))
    assert antipodes[0] == pytest.approx((math.pi * 6371 - PLACE_RADIUS_KM) / 100)


def test_faster_than_light_speaks_for_its_own_network_only():
    """Below 0.8 of the floor a round trip or a connect contradicts the place; just above it need not."""
    floor = (TOKYO_FRANKFURT_KM - PLACE_RADIUS_KM) / 100
    for metric in ("rtt_ms", "connect_ms"):
        judgement = judged(Guard(), observed([0.78 * floor, 0.82 * floor], metric=metric, pop="fra"))
        assert judgement.mask.all()
        assert judgement.own_only.tolist() == [True, False]


def test_the_floor_is_for_times_only_and_needs_positions():
    """Availability and throughput have no floor; neither has an unknown place or POP position."""
    good = [
        judged(Guard(), observed([1, 0], metric="availability", pop="fra")),
        judged(Guard(), observed([0.5], metric="throughput_kbps", pop="fra")),
        judged(Guard(), observed([0.5], pop="moon")),
        judged(Guard(), observed([0.5], pop="fra"), (math.nan, math.nan)),
        judged(Guard(), observed([0.5], pop="tyo")),
    ]
    assert all(judgement.mask.all() and not judgement.own_only.any() for judgement in good)


def test_unknown_pops_are_refused():
    """A POP the catalog no longer has gets no cells; with no POPs at all nothing passes."""
    batch = np.concatenate([observed([50], pop=pop) for pop in ("tyo", "zzz", "aaa", "tyo2", "")])
    judgement = judged(Guard(), batch)
    assert judgement.mask.tolist() == [True, False, False, False, False]
    assert judgement.refused["unknown_pop"] == 4
    assert not Guard().judge(batch, at((0, 0), 5), PopSites.of([], [], [])).mask.any()


def test_malformed_records_are_refused():
    """Whatever the journal brings, only values within their metric's limits reach the windows."""
    batch = observed([math.nan, math.inf, 0, 70_000, 50, 50, 50, 50], pop="tyo")
    batch["metric"][4] = 9
    batch["family"][5] = 5
    batch["time"][6] = math.nan
    judgement = judged(Guard(), batch)
    assert judgement.mask.tolist() == [False] * 7 + [True]
    assert judgement.refused == dict.fromkeys(REASONS, 0) | {"malformed": 7}


def test_a_client_counts_up_to_its_cap_a_day():
    """The first records count, within a batch and over batches; a new day begins anew."""
    guard = Guard(client_cap=3)
    assert judged(guard, observed([50, 51], pop="tyo", client=7)).mask.tolist() == [True, True]
    judgement = judged(guard, observed([52, 53, 54], pop="tyo", client=7))
    assert judgement.mask.tolist() == [True, False, False]
    assert judgement.refused["client_cap"] == 2
    assert judged(guard, observed([55] * 4, pop="tyo", client=7, time=NOON + DAY)).mask.sum() == 3
    assert judged(guard, observed([55], pop="tyo", client=7)).mask.sum() == 0  # late, of yesterday


def test_the_cap_is_per_client_network_pop_and_metric():
    """One client at its cap leaves everybody and everything else alone; the unknown client has none."""
    guard = Guard(client_cap=1)
    batch = np.concatenate(
        [
            observed([50, 50], pop="tyo", client=7),
            observed([50, 50], pop="tyo", client=8),
            observed([50, 50], pop="tyo", client=7, unit=1),
            observed([150, 150], pop="fra", client=7),
            observed([50, 50], pop="tyo", client=7, metric="connect_ms"),
        ]
    )
    assert judged(guard, batch).mask.tolist() == [True, False] * 5
    assert judged(guard, observed([50] * 9, pop="tyo", client=0)).mask.all()


def test_refused_records_use_up_no_cap():
    """A record that does not count takes nothing from the client's honest ones."""
    guard = Guard(client_cap=2)
    judgement = judged(guard, observed([math.nan, 0, 70_000, 240, 240], pop="fra", client=7))
    assert judgement.mask.tolist() == [False, False, False, True, True]


def test_memory_of_clients_is_bounded():
    """Old days go; under a flood the clients that counted most stay at their cap."""
    guard = Guard(client_cap=5, max_clients=1000)
    judged(guard, observed([50] * 5, pop="tyo", client=7))
    for first in range(1, 20_001, 500):
        judged(guard, observed([50] * 500, pop="tyo", client=range(100 + first, 600 + first)))
        assert len(guard.arrays()["guard.name"]) <= 1000
    assert not judged(guard, observed([50], pop="tyo", client=7)).mask.any()
    judged(guard, observed([50], pop="tyo", client=9, time=NOON + 2 * DAY))
    assert len(guard.arrays()["guard.name"]) == 1


def test_the_cap_survives_a_restart():
    """A guard that takes up a stored memory goes on counting; foreign arrays change nothing."""
    guard, again = Guard(client_cap=3), Guard(client_cap=3)
    judged(guard, observed([50] * 2, pop="tyo", client=7))
    again.remember(guard.arrays())
    again.remember({"other": np.zeros(3)})
    assert judged(again, observed([50] * 2, pop="tyo", client=7)).mask.tolist() == [True, False]


def test_nothing_is_judged_as_nothing():
    """An empty batch has an empty judgement."""
    judgement = judged(Guard(), observed([]))
    assert len(judgement.mask) == 0
    assert set(judgement.refused.values()) == {0}


def of(source: str, records: np.ndarray) -> np.ndarray:
    records["source"] = SOURCES.index(source)
    return records


def test_data_centres_do_not_count_for_users() -> None:
    """What browsers claim from a hosting AS is refused; a POP's own sessions and feeds from there count."""
    guard = Guard(hosting=np.array([64500, 64502], np.uint32))
    batch = np.concatenate([of(source, observed([50], pop="tyo")) for source in SOURCES])
    judgement = guard.judge(batch, at(TOKYO, len(batch)), POPS)
    assert judgement.refused["data_centre"] == 1  # a NEL report of a round trip is refused before
    assert judgement.mask.tolist() == [source not in ("rum", "nel") for source in SOURCES]
    elsewhere = guard.judge(batch, at(TOKYO, len(batch), asn=64501), POPS)
    assert elsewhere.refused["data_centre"] == 0


def test_nel_speaks_of_availability_alone() -> None:
    """A report without a token says whether a POP was reached, never how fast it is."""
    batch = [of("nel", observed([1], metric=metric, pop="tyo")) for metric in ("availability", "rtt_ms")]
    judgement = judged(Guard(), np.concatenate(batch))
    assert judgement.mask.tolist() == [True, False]
    assert judgement.refused["not_availability"] == 1


def test_a_claim_below_the_pop_s_own_round_trips_is_refused() -> None:
    """Five sessions of a network say what is possible there; others are not held to it."""
    guard = Guard()
    claims = observed([79, 81], pop="fra", client=[1, 2])
    assert judged(guard, of("session", observed([100, 120, 130, 110], pop="fra"))).mask.all()
    assert judged(guard, claims).mask.all()
    judged(guard, of("session", observed([100], pop="fra")))
    judgement = judged(guard, claims)
    assert judgement.mask.tolist() == [False, True]
    assert judgement.refused["below_pop_rtt"] == 1
    assert judged(guard, observed([79], pop="fra", unit=5)).mask.all()
    assert judged(guard, observed([79], pop="syd")).mask.all()
    assert judged(guard, of("feed", observed([79], pop="fra"))).mask.all()
    again = Guard()
    again.remember(guard.arrays())
    assert judged(again, claims).mask.tolist() == [False, True]


def test_a_claim_below_the_place_s_sessions_speaks_for_its_network_alone() -> None:
    """Twenty sessions from other networks of the place: whoever is much faster may be right about itself."""
    guard = Guard()
    judged(guard, of("session", observed([100] * 20, pop="fra", unit=range(20))))
    judgement = judged(guard, observed([79, 90], pop="fra", unit=77))
    assert judgement.mask.all()
    assert judgement.own_only.tolist() == [True, False]
