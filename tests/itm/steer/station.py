"""All that a builder stands on, for tests: a state directory with a real store and a tiny place table."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from collectors import places as place_files
from collectors.bus import InProcess
from collectors.journal import JournalWriter
from collectors.measurement import Measurement, records
from collectors.network import Network
from collectors.places import PlaceTable
from itm.collector import CollectorProcess
from itm.config import Builder as BuilderSettings
from itm.config import Canary, Collect, Config, Geoip, Model
from itm.routemap import current, snapshot
from itm.steer.builder import Builder
from itm.steer.givens import Givens
from itm.store import catalogs
from itm.store.catalogs import CatalogVersion
from itm.store.engine import Engine, open_engine
from itm.store.migrate import upgrade
from models.latency import Prediction
from models.sites import Sites
from tests.itm.steer.worlds import P50, places

SITES = {"tokyo": (35.7, 139.7), "osaka": (34.7, 135.5), "ams": (52.4, 4.9), "ash": (39.0, -77.5)}
ZONE = "$TTL 300\n@ IN SOA ns1 host 1 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"


class FakePredictor:
    """Predicts the numbers of `worlds.P50`, POP by position or else by order, and counts how often."""

    def __init__(self, digest: str = "fake") -> None:
        self.digest = digest
        self.asked = 0

    def predict(self, clients: Sites, servers: Sites) -> Prediction:
        self.asked += 1
        names = list(P50)
        by_lat = {lat: name for name, (lat, _) in SITES.items()}
        columns = [by_lat.get(float(lat), names[i % 4]) for i, lat in enumerate(servers.lat)]
        p50 = np.array([P50[name] for name in columns], dtype=np.float32).T[: len(clients)].copy()
        p50[~np.isfinite(clients.lat)] = np.nan
        return Prediction(p50 * np.float32(0.9), p50, p50 * np.float32(1.2))


class FakeGivens(Givens):
    """The real store and place table; nothing is trained."""

    fake = FakePredictor()

    @property
    def predictor(self) -> FakePredictor:  # type: ignore[override]
        return self.fake


class Clock:
    """Time that passes when it is told to."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def bundle(
    pops: tuple[str, ...] = tuple(P50), *, bias: Mapping[str, float] | None = None, services: str = ""
) -> dict[str, str]:
    """Return a catalog of these POPs; without `services` there is `gw.example.net.` over all of them."""
    lines = ["zones: [example.net.zone]", "pops:"]
    for name in pops:
        lat, lon = SITES[name]
        number = list(SITES).index(name) + 1
        shift = f", bias: {bias[name]}" if bias and name in bias else ""
        lines.append(
            f"  {name}: {{provider: x, city: {name}, country: JP, lat: {lat}, lon: {lon}, "
            f"ipv4: 127.20.0.{number}{shift}}}"
        )
    text = "\n".join([*lines, "services:", services or "  gw.example.net.: {}", ""])
    return {"catalog.yaml": text, "example.net.zone": ZONE}


@functools.cache
def _migrated() -> bytes:
    """An empty database of this release, made once: migrating takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "itm.db"
        upgrade(f"sqlite:///{file}")
        return file.read_bytes()


class CollectingBuilder(Builder):
    """A builder in whose process a collector is at work, too."""

    def __init__(self, station: Station, bus: InProcess) -> None:
        super().__init__(station.config, station.givens(), bus, station.clock)
        self._collecting = CollectorProcess(station.config, station.engine, bus, station.clock)

    def step(self) -> None:
        self._collecting.step()
        self._learner.read()
        self._collecting.step()
        super().step()


@dataclass(slots=True)
class Station:
    """A state directory, its store, and the time."""

    config: Config
    engine: Engine
    clock: Clock

    @classmethod
    def at(cls, folder: Path, where: PlaceTable | None = None, canary: Canary | None = None) -> Station:
        """Set one up: migrated database, place table, no catalog."""
        table = folder / "places.itm"
        place_files.save(where or places(), table)
        config = Config(
            state=str(folder / "state"),
            geoip=Geoip(places=str(table), reload_seconds=0.0),
            collect=Collect(delta_seconds=0.0),
            model=Model(retrain_days=0),
            builder=BuilderSettings(interval_seconds=30.0, max_moved_share=0.5, keep_maps=5),
            canary=canary or Canary(),
        )
        config.state_dir.mkdir()
        (config.state_dir / "itm.db").write_bytes(_migrated())
        return cls(config, open_engine(config.store_url), Clock())

    @property
    def maps(self) -> Path:
        return self.config.state_dir / "maps"

    def givens(self) -> FakeGivens:
        return FakeGivens(self.config, self.engine, self.clock)

    def builder(self) -> Builder:
        """Return a builder as a fresh process would begin, and a collector that takes its turn first."""
        bus = InProcess()
        return CollectingBuilder(self, bus)

    def apply(
        self, files: Mapping[str, str], *, forced: bool = False, canary_share: float | None = None
    ) -> int:
        return catalogs.add_pending(
            self.engine, files, author="ops", now=self.clock.now, forced=forced, canary_share=canary_share
        )

    def version(self, number: int) -> CatalogVersion:
        found = catalogs.get(self.engine, number)
        assert found is not None
        return found

    def turn(self, builder: Builder, times: int = 1) -> None:
        """Let a build's interval pass, that many times."""
        for _ in range(times):
            self.clock.now += self.config.builder.interval_seconds
            builder.step()

    def measure(self, address: str, clients: int = 6, **values: float) -> None:
        """Write round trips to the journal: four of every client to each named POP, in ms."""
        self.write(
            Measurement(Network.of(address), pop, "rtt_ms", value, self.clock.now, "rum", client=client + 1)
            for pop, value in values.items()
            for client in range(clients)
            for _ in range(4)
        )

    def write(self, batch: Iterable[Measurement]) -> None:
        """Write measurements to the journal."""
        writer = JournalWriter(self.config.state_dir / "journal")
        writer.append(records(list(batch)))
        writer.close()

    def live(self) -> int | None:
        return current.live_version(self.maps)

    def answer(self, address: str) -> str:
        """Return the POP that the live map answers an address with."""
        version = self.live()
        assert version is not None
        routemap = snapshot.read(current.path_of(self.maps, version))
        network = Network.of(address)
        leaf, _ = routemap.classes[0].lookup(network.family, network.unit)
        return routemap.pops[routemap.order_of(0, leaf)[0]].id

    def replace_places(self) -> None:
        """Give the place table another edition, with the same places."""
        place_files.save(replace(places(), edition="next"), Path(self.config.geoip.places))
