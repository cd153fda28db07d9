from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from itm.catalog.load import load_bundle
from itm.dns import counters, signatures
from itm.dns.keystore import Keystore
from itm.dns.name import encode
from itm.dns.notifier import FILE
from itm.dns.signer import DS_TTL, KEYS, Signer
from itm.routemap import current, snapshot
from itm.routemap.routemap import PopAnswer, RouteMap, ServiceAnswer
from tests.itm.ops.harness import FILES, MAIN, Clock, Served, play

KEYS_PATH = "/api/v1/zones/example.net/keys"
SIGNED = {
    **FILES,
    "catalog.yaml": MAIN.replace("[example.net.zone]", "[{file: example.net.zone, dnssec: true}]"),
}


def signer(state: Path, clock: Clock) -> Signer:
    """Make a map with the catalog's zone live; return a signer on the scenario's clock."""
    catalog = load_bundle(SIGNED)
    pops = tuple(PopAnswer(pop.id, pop.ipv4) for pop in catalog.pops)
    services = (ServiceAnswer("gw.example.net.", -1, 20, ("192.0.2.1",)),)
    snapshot.write(
        RouteMap(1, 1.0, 1, "latency", pops, services, (), catalog.zones), current.path_of(state / "maps", 1)
    )
    current.publish(state / "maps", 1)
    return Signer(state / "maps", state / KEYS, state / signatures.FILE, clock)


async def keys(served: Served) -> list[dict[str, Any]]:
    answer = await served.ops("GET", KEYS_PATH)
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.json["keys"]
    return found


def test_zones_and_how_they_are_signed(tmp_path: Path) -> None:
    """The catalog's word, and when the first signature ends once there are any."""

    async def scenario(served: Served) -> None:
        (zone,) = (await served.ops("GET", "/api/v1/zones")).json["zones"]
        assert zone["dnssec"] == {"algorithm": "ecdsa-p256", "keys": "csk", "zsk_days": 90.0}
        assert zone["signatures_end_at"] is None
        assert (zone["serials"], zone["secondaries"]) == ([], [])
        signer(tmp_path, served.clock).work()
        (zone,) = (await served.ops("GET", "/api/v1/zones")).json["zones"]
        assert zone["signatures_end_at"] > served.clock.now
        for worker, serial in enumerate((8, 7, 8)):
            stats = {"time": served.clock.now, "serials": {"example.net.": serial}}
            counters.write(tmp_path / f"dns-{worker}.json", stats)
        counters.write(tmp_path / FILE, {"example.net.": [{"address": "192.0.2.7"}]})
        (zone,) = (await served.ops("GET", "/api/v1/zones")).json["zones"]
        assert (zone["serials"], zone["secondaries"]) == ([7, 8], [{"address": "192.0.2.7"}])

    play(tmp_path, scenario, files=SIGNED)


def test_a_rollover_is_guided_to_its_end(tmp_path: Path) -> None:
    """Roll, wait, move the DS, say so, wait: one key again, another one; what comes too early is refused."""

    async def scenario(served: Served) -> None:
        work = signer(tmp_path, served.clock).work
        assert await keys(served) == []
        assert (await served.ops("POST", f"{KEYS_PATH}/roll", scope="catalog")).status == 409
        work()
        (old,) = await keys(served)
        assert (old["role"], old["stage"], old["is_wanted_at_parent"]) == ("csk", "active", True)
        answer = await served.ops("POST", f"{KEYS_PATH}/roll", scope="catalog")
        new = next(key for key in answer.json["keys"] if key["key"] != old["key"])
        assert (new["stage"], new["is_wanted_at_parent"]) == ("published", False)
        again = await served.ops("POST", f"{KEYS_PATH}/roll", scope="catalog")
        assert (again.status, "middle of a rollover" in again.text) == (409, True)
        seen = f"{KEYS_PATH}/{new['key']}/ds-seen"
        early = await served.ops("POST", seen, scope="catalog")
        assert (early.status, "wait until it is active" in early.text) == (409, True)
        work()
        served.clock.now = new["active_at"]
        work()
        wanted = [key["key"] for key in await keys(served) if key["is_wanted_at_parent"]]
        assert wanted == [new["key"]]
        assert (await served.ops("POST", seen, scope="catalog")).status == 200
        served.clock.now += DS_TTL
        work()
        served.clock.now += 90_000
        work()
        (left,) = await keys(served)
        assert (left["key"], left["stage"]) == (new["key"], "active")

    play(tmp_path, scenario, files=SIGNED)


@pytest.mark.parametrize(
    ("method", "path", "scope", "status", "said"),
    [
        ("GET", "/api/v1/zones/example.org/keys", "", 404, "no zone"),
        ("POST", f"{KEYS_PATH}/none/ds-seen", "catalog", 404, "no entry point"),
        ("POST", f"{KEYS_PATH}/roll", "", 401, ""),
        ("POST", f"{KEYS_PATH}/roll", "operate", 403, ""),
    ],
)
def test_refusals(tmp_path: Path, method: str, path: str, scope: str, status: int, said: str) -> None:
    """An unknown zone or key, a token that may not."""

    async def scenario(served: Served) -> None:
        answer = await served.ops(method, path, scope=scope)
        assert answer.status == status
        assert said in answer.text

    play(tmp_path, scenario, files=SIGNED)


def test_an_unsigned_zone_has_no_keys(tmp_path: Path) -> None:
    """The catalog's key that would change that is named."""

    async def scenario(served: Served) -> None:
        answer = await served.ops("GET", KEYS_PATH)
        assert (answer.status, "dnssec: true" in answer.text) == (409, True)

    play(tmp_path, scenario)


def test_private_keys_stay_where_they_are(tmp_path: Path) -> None:
    """No answer holds one."""

    async def scenario(served: Served) -> None:
        signer(tmp_path, served.clock).work()
        (path,) = Keystore(tmp_path / KEYS, encode("example.net.")).directory.glob("*.key")
        assert "PRIVATE" in path.read_text()
        assert "PRIVATE" not in (await served.ops("GET", KEYS_PATH)).text

    play(tmp_path, scenario, files=SIGNED)


def test_export(tmp_path: Path) -> None:
    """409 without a map and without keys, 404 for another name; then the signed zone as text."""

    async def scenario(served: Served) -> None:
        async def export(zone: str = "example.net") -> tuple[int, str]:
            answer = await served.ops("GET", f"/api/v1/zones/{zone}/export")
            return answer.status, answer.json.get("text") or answer.text

        assert (await export())[0] == 409
        one = signer(tmp_path, served.clock)
        assert (await export())[0] == 409
        one.work()
        status, text = await export("Example.net.")
        assert (status, text.split()[3]) == (200, "SOA")
        assert "gw.example.net. 20 IN A 192.0.2.1\n" in text
        assert " RRSIG " in text
        assert (await export("example.org"))[0] == 404

    play(tmp_path, scenario, files=SIGNED)
