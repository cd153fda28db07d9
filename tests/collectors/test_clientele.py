from __future__ import annotations

import pytest

from collectors.clientele import Bounds, Clientele
from collectors.clienteletable import ClienteleTable
from collectors.network import Network
from collectors.pairing import Pair

DAY = 86_400.0
RESOLVER = Network.of("192.0.2.53")


def pair(client: str, resolver: str = "192.0.2.53", *, names_clients: bool = False) -> Pair:
    return Pair(Network.of(resolver), Network.of(client), names_clients)


def learned(clientele: Clientele, now: float) -> dict[str, float]:
    """Return what weighs how much behind the one resolver."""
    table = clientele.table()
    weights = table.weights(now, 7 * DAY).tolist()
    return {
        str(Network.of_key(key)): weight for key, weight in zip(table.client.tolist(), weights, strict=True)
    }


def test_sightings_add_up_to_a_cap_and_age() -> None:
    """Repeats count little: a network weighs four sightings at most, and half after a half-life."""
    clientele = Clientele(7 * DAY)
    for _ in range(100):
        assert clientele.learn(pair("133.11.0.1"), 0) == "learned"
    clientele.learn(pair("133.12.0.1"), 0)
    assert learned(clientele, 0) == {"133.11.0.0/24": 4.0, "133.12.0.0/24": 1.0}
    assert learned(clientele, 7 * DAY) == {"133.11.0.0/24": 2.0, "133.12.0.0/24": 0.5}
    clientele.learn(pair("133.12.0.1"), 7 * DAY)
    assert learned(clientele, 7 * DAY)["133.12.0.0/24"] == 1.5


def test_what_is_not_seen_again_is_forgotten() -> None:
    """A faded network goes, and with its last one the resolver."""
    clientele = Clientele(7 * DAY)
    clientele.learn(pair("133.11.0.1"), 0)
    clientele.age(20 * DAY)
    assert len(clientele) == 1
    clientele.age(30 * DAY)
    assert len(clientele) == len(clientele.table()) == 0


def test_a_resolver_that_names_its_clients_needs_no_row() -> None:
    """With a client subnet in its queries it is answered by that."""
    clientele = Clientele(DAY)
    assert clientele.learn(pair("133.11.0.1", names_clients=True), 0) == "names_clients"
    assert len(clientele) == 0


def test_one_network_counts_behind_a_few_resolvers() -> None:
    """A liar can put its own network behind every resolver that it can ask, but not behind all of them."""
    clientele = Clientele(DAY)
    found = [clientele.learn(pair("133.11.0.1", f"198.51.{n}.53"), 0) for n in range(100)]
    assert found == ["learned"] * 16 + ["spread"] * 84
    clientele.age(10 * DAY)
    assert clientele.learn(pair("133.11.0.1", "198.51.99.53"), 10 * DAY) == "learned"


@pytest.mark.parametrize("form", ["133.11.{}.1", "2001:db8:{}::1"])
def test_one_neighbourhood_fills_no_resolver(form: str) -> None:
    """Of an IPv4 /16 or IPv6 /32 some networks are enough: whoever holds one cannot outvote all others."""
    clientele = Clientele(DAY)
    found = [clientele.learn(pair(form.format(n)), 0) for n in range(100)]
    assert found == ["learned"] * 16 + ["neighbours"] * 84
    assert clientele.learn(pair("9.9.9.9"), 0) == "learned"


def test_a_full_resolver_takes_in_who_weighs_more() -> None:
    """A new network replaces one that has faded below a single sighting, and no other."""
    clientele = Clientele(DAY, Bounds(clients=3))
    for number in range(3):
        clientele.learn(pair(f"10.{number}.0.1"), number * DAY / 10)
    clientele.learn(pair("10.0.0.1"), DAY)
    clientele.learn(pair("10.2.0.1"), DAY)
    assert clientele.learn(pair("10.9.0.1"), DAY) == "learned"
    assert set(learned(clientele, DAY)) == {"10.0.0.0/24", "10.2.0.0/24", "10.9.0.0/24"}
    assert clientele.learn(pair("10.10.0.1"), DAY) == "full"


def test_made_up_resolvers_push_no_busy_one_out() -> None:
    """When all places are taken the lightest go: a flood of new resolvers is bounded and displaces itself."""
    clientele = Clientele(DAY, Bounds(resolvers=64))
    for number in range(5):
        clientele.learn(pair(f"10.{number}.0.1"), 0)
    for number in range(5000):
        clientele.learn(
            pair(f"172.{number >> 8}.{number & 255}.1", f"198.{number >> 8}.{number & 255}.53"), 60
        )
    assert len(clientele) <= 64
    assert RESOLVER.key in clientele.table().resolver


def test_pieces_are_the_whole_but_for_what_has_faded() -> None:
    """Written out in pieces, between which pairs come in and resolvers go."""
    clientele = Clientele(DAY, Bounds(resolvers_per_client=1000))
    for number in range(100):
        clientele.learn(pair("133.11.0.1", f"198.51.{number}.53"), DAY * (number % 2) * 9)
    found = []
    for piece in clientele.aged(9 * DAY):
        found.append(piece)
        clientele.learn(pair("133.12.0.1", "198.51.99.53"), 9 * DAY)
    assert len(found) > 1
    assert sum(map(len, found)) == 51
    whole = ClienteleTable.joined(found)
    assert set(whole.resolver.tolist()) == set(clientele.table().resolver.tolist())
    assert len(clientele) == 50
    assert len(ClienteleTable.joined([])) == 0


def test_a_table_gives_the_clientele_back() -> None:
    """Weights, times and bounds go on as they were."""
    clientele = Clientele(DAY)
    for number in range(20):
        clientele.learn(pair("133.11.0.1", f"198.51.{number}.53"), number)
    again = Clientele.of(clientele.table(), DAY)
    assert learned(again, DAY) == learned(clientele, DAY)
    assert again.learn(pair("133.11.0.1", "198.51.99.53"), 30) == "spread"
    assert again.learn(pair("133.11.0.1", "198.51.0.53"), 30) == "learned"
