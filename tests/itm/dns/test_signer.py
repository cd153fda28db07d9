from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from itm.catalog.types import Dnssec, Secondary
from itm.dns import signatures
from itm.dns import zone as zones
from itm.dns.answer import Answerer
from itm.dns.book import build
from itm.dns.keystore import Keystore
from itm.dns.name import encode
from itm.dns.resign import DAY, REFRESH_SECONDS
from itm.dns.signer import BATCH_SECONDS, KEYS, Signer, policy_of
from itm.routemap.routemap import PopAnswer, RouteMap
from tests.itm.dns.asking import Ask, demo_map, tell
from tests.itm.dns.maps import publish
from tests.itm.dns.signing import NOW, flagged, judge

ORIGIN = encode("example.net.")
DO = 0x8000


class Bench:
    """A signer on a clock of the test's, and the server that would answer now."""

    def __init__(self, folder: Path, routemap: RouteMap) -> None:
        self.folder, self.now, self.version = folder, float(NOW), 0
        self.serve(routemap)
        self.signer = Signer(folder / "maps", folder / KEYS, folder / signatures.FILE, lambda: self.now)

    def serve(self, routemap: RouteMap) -> None:
        self.version += 1
        self.routemap = dataclasses.replace(routemap, version=self.version)
        publish(self.folder / "maps", self.version, routemap=routemap)

    @property
    def signed(self) -> signatures.Signatures:
        return signatures.read(self.folder / signatures.FILE)

    @property
    def keys(self) -> Keystore:
        return Keystore(self.folder / KEYS, ORIGIN)

    def check(self) -> None:
        """What is served now validates."""
        signed = self.signed
        server = Answerer(build(self.routemap, signatures=signed))
        for name, rtype in (("example.net.", 48), ("gw.example.net.", 1), ("no.example.net.", 1)):
            judge(tell(server, Ask(name, rtype, ttl=DO), tcp=True).wire, signed, self.now)


def split(routemap: RouteMap) -> RouteMap:
    zones = tuple(dataclasses.replace(z, dnssec=Dnssec(is_split=True, zsk_days=30)) for z in routemap.zones)
    return dataclasses.replace(routemap, zones=zones)


@pytest.mark.parametrize("routemap", [flagged(demo_map()), split(demo_map())], ids=["csk", "split"])
def test_a_map_is_signed_once(tmp_path: Path, routemap: RouteMap) -> None:
    """Keys are made, everything is signed; then there is nothing to do until something changes."""
    bench = Bench(tmp_path, routemap)
    made = bench.signer.work()
    assert made is not None
    assert made > 50
    bench.check()
    assert bench.signer.work() is None
    bench.serve(routemap)
    assert bench.signer.work() == 0
    again = Signer(tmp_path / "maps", tmp_path / KEYS, tmp_path / signatures.FILE, lambda: bench.now)
    assert again.work() == 0


def test_new_records_alone_are_signed(tmp_path: Path) -> None:
    """Another POP's addresses: its answers get signatures, the rest is kept."""
    bench = Bench(tmp_path, flagged(demo_map()))
    bench.signer.work()
    pops = (*bench.routemap.pops[:2], PopAnswer("nyc", ("192.0.2.7",), ("2001:db8:20::3",)))
    bench.serve(dataclasses.replace(bench.routemap, pops=pops))
    assert bench.signer.work() == 1
    bench.check()


def test_signatures_are_made_anew_in_time(tmp_path: Path) -> None:
    """By itself, a week before they end, an hour's together."""
    bench = Bench(tmp_path, flagged(demo_map()))
    bench.signer.work()
    ends = bench.signed.ends_at
    bench.now = ends - REFRESH_SECONDS + BATCH_SECONDS - 60
    assert bench.signer.work() is None
    bench.now = ends - REFRESH_SECONDS + BATCH_SECONDS + 2
    assert (bench.signer.work() or 0) > 0
    assert bench.signed.ends_at > ends


def test_a_zsk_turns_over_by_itself(tmp_path: Path) -> None:
    """Over three months the keys change hands; every hour of it validates."""
    bench = Bench(tmp_path, split(demo_map()))
    seen = set()
    for _ in range(100):
        bench.signer.work()
        seen |= {key.life.id for key in bench.keys.load() if key.life.role == "zsk"}
        bench.check()
        bench.now += DAY
    assert len(seen) >= 3
    assert len(bench.keys.load()) <= 4
    assert len([key for key in bench.keys.load() if key.life.role == "ksk"]) == 1


def test_a_key_that_someone_adds_is_taken_up(tmp_path: Path) -> None:
    """The API makes a key: the signer sees the file and publishes it, signed by both."""
    bench = Bench(tmp_path, flagged(demo_map()))
    bench.signer.work()
    with bench.keys.locked():
        bench.keys.make("csk", "published", 13, bench.now)
    assert bench.signer.work() == 5  # the key set by each, CDS and CDNSKEY by the new one, the next SOA
    assert len(bench.signed.zones[ORIGIN].rdatas[48]) == 2
    bench.check()


def test_no_signed_zone_needs_no_key(tmp_path: Path) -> None:
    """An empty file tells the servers that nothing is missing."""
    bench = Bench(tmp_path, demo_map())
    assert bench.signer.work() == 0
    assert bench.signed.rrsigs == {}
    assert not (tmp_path / KEYS).exists()


def test_without_a_map_there_is_nothing_to_do(tmp_path: Path) -> None:
    """A first start: the signer waits."""
    assert Signer(tmp_path / "maps", tmp_path / KEYS, tmp_path / signatures.FILE).work() is None


def served_serial(bench: Bench) -> int:
    """What a server says now, in the SOA and in a negative answer alike."""
    server = Answerer(build(bench.routemap, signatures=bench.signed))
    (line,) = tell(server, Ask("example.net.", 6), tcp=True).lines("answer")
    (negative, *_) = tell(server, Ask("no.example.net.", 1), tcp=True).lines("authority")
    assert line.split()[5] == negative.split()[5]
    return int(line.split()[5])


def edited(routemap: RouteMap, old: str, new: str) -> RouteMap:
    zones = tuple(dataclasses.replace(zone, text=zone.text.replace(old, new)) for zone in routemap.zones)
    return dataclasses.replace(routemap, zones=zones)


def test_the_serial_moves_with_what_is_served(tmp_path: Path) -> None:
    """A record, a later serial in the text, a key, new signatures: each a new serial, nothing else does."""
    routemap = flagged(demo_map())
    bench = Bench(tmp_path, routemap)
    serials = []

    def work() -> None:
        bench.signer.work()
        bench.check()
        serials.append(served_serial(bench) - 2024010101)

    work()
    work()
    bench.serve(dataclasses.replace(routemap, pops=routemap.pops[::-1]))
    work()  # steering alone: nothing that a secondary has
    routemap = edited(routemap, "192.0.2.25", "192.0.2.26")
    bench.serve(routemap)
    work()
    routemap = edited(routemap, "192.0.2.26", "192.0.2.27")
    bench.serve(edited(routemap, "2024010101", "2024010201"))
    work()
    bench.serve(routemap)  # the text's serial goes backwards: the served one never does
    work()
    with bench.keys.locked():
        bench.keys.make("csk", "published", 13, bench.now)
    work()
    bench.now = bench.signed.ends_at - REFRESH_SECONDS + 2
    work()
    assert serials == [0, 0, 0, 1, 100, 100, 101, 102]


def test_the_soa_s_signature_never_ages_under_a_serial(tmp_path: Path) -> None:
    """Secondaries get a new signature only with a new serial: whenever one is made, the serial has moved."""
    bench = Bench(tmp_path, flagged(demo_map()))
    seen: dict[int, bytes] = {}
    for _ in range(60):
        bench.signer.work()
        server = Answerer(build(bench.routemap, signatures=bench.signed))
        reply = tell(server, Ask("example.net.", 6, ttl=DO), tcp=True)
        serial = served_serial(bench)
        assert seen.setdefault(serial, reply.wire) == reply.wire
        bench.now += DAY
    assert len(seen) > 5


def test_two_servers_of_one_signer_say_the_same_serial(tmp_path: Path) -> None:
    """The serial travels in the signatures file; a signer that starts anew goes on from it."""
    bench = Bench(tmp_path, flagged(demo_map()))
    bench.signer.work()
    bench.serve(edited(bench.routemap, "192.0.2.25", "192.0.2.26"))
    bench.signer.work()
    (tmp_path / "other").write_bytes((tmp_path / signatures.FILE).read_bytes())
    there = Answerer(build(bench.routemap, signatures=signatures.read(tmp_path / "other")))
    ask = Ask("example.net.", 6, ttl=DO)
    here = Answerer(build(bench.routemap, signatures=bench.signed))
    assert tell(there, ask).wire == tell(here, ask).wire
    assert served_serial(bench) == 2024010102
    again = Signer(tmp_path / "maps", tmp_path / KEYS, tmp_path / signatures.FILE, lambda: bench.now)
    bench.serve(edited(bench.routemap, "192.0.2.26", "192.0.2.27"))
    again.work()
    assert served_serial(bench) == 2024010103


def test_an_unsigned_zone_that_changed_under_its_serial_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its secondaries would not fetch it; a zone without any, or with a new serial, is nobody's concern."""
    zone = dataclasses.replace(demo_map().zones[0], secondaries=(Secondary("192.0.2.7"),))
    whole = dataclasses.replace(demo_map(), zones=(zone,))
    bench = Bench(tmp_path, whole)
    bench.signer.work()
    bench.serve(edited(edited(whole, "192.0.2.25", "192.0.2.26"), "2024010101", "2024010102"))
    bench.signer.work()
    assert "zone.serial_stands" not in caplog.text
    bench.serve(edited(edited(whole, "192.0.2.25", "192.0.2.27"), "2024010101", "2024010102"))
    bench.signer.work()
    assert "zone.serial_stands" in caplog.text


def test_a_retired_key_outlives_the_longest_steered_answer() -> None:
    """A service's TTL may be longer than every record's: its signatures live in caches as long."""
    (text,) = flagged(demo_map()).zones
    zone = zones.parse(text)
    assert policy_of(text, Dnssec(), zone, 86_400).longest_ttl == 86_400
    assert policy_of(text, Dnssec(), zone, 20).longest_ttl == 600


def stages(bench: Bench) -> list[str]:
    return sorted(f"{key.life.role} {key.life.stage}" for key in bench.keys.load())


def test_a_live_zone_keeps_the_kind_of_its_keys(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Another role or algorithm would be unknown to the caches: it is told, and the zone stays as it is."""
    bench = Bench(tmp_path, flagged(demo_map()))
    bench.signer.work()
    before = bench.signed.zones[ORIGIN].rdatas
    bench.serve(split(demo_map()))
    assert bench.signer.work() == 0
    assert "zone.keys_differ" in caplog.text
    assert bench.signed.zones[ORIGIN].rdatas == before
    assert stages(bench) == ["csk active"]
    bench.check()


def test_a_key_s_clock_starts_when_it_is_served(tmp_path: Path) -> None:
    """A signer that stood still for hours after a rollover was begun: caches have seen nothing yet."""
    bench = Bench(tmp_path, flagged(demo_map()))
    bench.signer.work()
    with bench.keys.locked():
        bench.keys.make("csk", "published", 13, bench.now)
    bench.now += 3 * 3600
    bench.signer.work()
    assert stages(bench) == ["csk active", "csk published"]
    bench.now += 2 * 3600 - 1
    bench.signer.work()
    assert stages(bench) == ["csk active", "csk published"]
    bench.now += 1
    bench.signer.work()
    assert stages(bench) == ["csk active", "csk active"]


def test_what_could_not_be_written_has_not_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk when the next key is to sign: it rises, and the old one retires, when it is served so."""
    bench = Bench(tmp_path, split(demo_map()))
    bench.signer.work()
    bench.now += 30 * DAY
    bench.signer.work()
    assert stages(bench) == ["ksk active", "zsk active", "zsk published"]
    bench.now += 2 * 3600

    def full(path: Path, content: signatures.Signatures) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(signatures, "write", full)
        with pytest.raises(OSError, match="No space"):
            bench.signer.work()
    assert stages(bench) == ["ksk active", "zsk active", "zsk published"]
    bench.now += 40 * DAY
    bench.signer.work()
    (retired,) = (key.life for key in bench.keys.load() if key.life.stage == "retired")
    assert retired.since == bench.now
    bench.check()


def test_a_damaged_key_stops_its_zone_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It keeps the signatures it has; the other zone goes on, and so does this one when the key is back."""
    (zone,) = flagged(demo_map()).zones
    text = "@ 60 SOA ns h 1 7200 900 86400 60\n@ 60 NS ns\nns 60 A 198.51.100.1\n"
    other = dataclasses.replace(zone, name="example.org.", text=text, includes=())
    bench = Bench(tmp_path, dataclasses.replace(demo_map(), zones=(zone, other)))
    bench.signer.work()
    (file,) = bench.keys.directory.glob("*.key")
    pem = file.read_text()
    file.write_text("{")
    bench.serve(edited(bench.routemap, "198.51.100.1", "198.51.100.2"))
    held = bench.signed.zones[ORIGIN]
    assert bench.signer.work() == 2  # the address and the SOA of the other zone
    assert "zone.not_signed" in caplog.text
    assert file.name in str(vars(caplog.records[0])["reason"])
    assert bench.signed.zones[ORIGIN].rdatas == held.rdatas
    bench.check()
    file.write_text(pem)
    bench.now += 61
    assert bench.signer.work() == 0
    bench.check()


def test_a_slow_secondary_is_waited_for() -> None:
    """Who hears no NOTIFY has the new key set after refresh and a retry."""
    (text,) = flagged(demo_map()).zones
    zone = zones.parse(text)
    alone = policy_of(text, Dnssec(), zone, 0)
    shared = policy_of(dataclasses.replace(text, secondaries=(Secondary("192.0.2.7"),)), Dnssec(), zone, 0)
    assert (alone.propagation_seconds, shared.propagation_seconds) == (3600, 7200 + 3600)
