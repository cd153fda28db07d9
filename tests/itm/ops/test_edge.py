import asyncio
import socket
from pathlib import Path

import pytest

from collectors.journal import JournalReader
from itm.config import Config, Demo, Ops, Public
from itm.errors import ConfigError
from itm.ops.edge import running
from itm.routemap.health import HealthReader, HealthWriter, State
from itm.store import migrate, overrides
from itm.store.overrides import Override
from tests.itm.ops.harness import FILES, MAIN, Clock, Served, make_live, no_story, play
from tests.itm.ops.test_listen import taken


async def until(condition: object) -> None:
    """Wait for the loop that follows the store; it looks twice a second."""
    async with asyncio.timeout(5):
        while not condition():  # type: ignore[operator]  # noqa: ASYNC110 - another task's work is awaited
            await asyncio.sleep(0.02)


def states(state: Path) -> dict[str, State]:
    return HealthReader(state / "health.table").read().states


def test_a_new_live_catalog_is_taken_up(tmp_path: Path) -> None:
    """Its POPs are in the health table and may be measured; those that left are not."""
    moved = {**FILES, "catalog.yaml": MAIN.replace("paris", "oslo").replace("Paris", "Oslo")}

    async def scenario(served: Served) -> None:
        assert set(states(tmp_path)) == {"tokyo", "paris"}
        make_live(served.engine, moved, served.clock.now)
        await until(lambda: served.now.edge.live.now.number == 2)
        assert set(states(tmp_path)) == {"tokyo", "oslo"}
        beacon = {"pop": "oslo", "metric": "rtt_ms", "value": 20}
        beacon["token"] = (await served.tokens())["oslo"]
        assert (await served.public("POST", "/rum/v1/beacon", json=beacon)).status == 204

    play(tmp_path, scenario)


def test_a_healthcheck_that_fails_takes_its_pop_out(tmp_path: Path) -> None:
    """Real checks against a port that refuses: down after `fall` of them, the other POP stays."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refuses, and nobody else gets the port
        port = closed.getsockname()[1]
        check = f"{{protocol: tcp, address: 127.0.0.1, port: {port}, interval_seconds: 0.1, fall: 2}}"
        main = MAIN.replace("ipv4: 192.0.2.1}", f"ipv4: 192.0.2.1, healthcheck: {check}}}")

        async def scenario(served: Served) -> None:
            await until(lambda: states(tmp_path).get("tokyo") == State.DOWN)
            assert states(tmp_path)["paris"] == State.UP
            listed = (await served.ops("GET", "/api/v1/pops")).json["pops"]
            assert "connection refused" in listed[0]["reason"]

        play(tmp_path, scenario, files={**FILES, "catalog.yaml": main})


def test_an_expired_override_leaves_by_itself(tmp_path: Path) -> None:
    """Also one that another process wrote to the store."""

    async def scenario(served: Served) -> None:
        now = served.clock.now
        overrides.put(served.engine, Override("tokyo", "down", "other", now, expires_at=now + 60))
        await until(lambda: states(tmp_path)["tokyo"] == State.DOWN)
        served.clock.now += 60
        await until(lambda: states(tmp_path)["tokyo"] == State.UP)

    play(tmp_path, scenario)


def test_a_damaged_health_table_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told, and a reader finds the fresh one."""
    (tmp_path / "health.table").write_bytes(b"junk")

    async def scenario(served: Served) -> None:
        assert states(tmp_path) == {"tokyo": State.UP, "paris": State.UP}

    play(tmp_path, scenario)
    assert "health.table_remade" in [record.getMessage() for record in caplog.records]


def test_an_override_that_went_with_a_lost_store_forces_nothing(tmp_path: Path) -> None:
    """Also while no catalog is live: what was measured stays, what nobody forces is up."""
    left = HealthWriter(tmp_path / "health.table")
    left.set({"tokyo": State.DOWN, "paris": State.DRAINED, "oslo": State.DOWN}, ("tokyo", "paris"))
    left.close()

    async def scenario(served: Served) -> None:
        assert states(tmp_path) == {"tokyo": State.UP, "paris": State.UP, "oslo": State.DOWN}

    play(tmp_path, scenario, files=None)


def test_the_demos_pops_are_checked_where_it_serves_them(tmp_path: Path) -> None:
    """The bundled port in the catalog means the one set for this server; no check fails for it."""
    check = "{protocol: tcp, port: 8081, interval_seconds: 0.1, rise: 1, fall: 1}"
    main = MAIN.replace("ipv4: 192.0.2.1}", f"ipv4: 127.20.9.9, healthcheck: {check}}}")
    with socket.create_server(("127.20.9.9", 0)) as target:
        demo = Demo(enabled=True, probe_target_port=target.getsockname()[1])

        async def scenario(served: Served) -> None:
            await until(lambda: served.now.edge.board.entries()["tokyo"].standings["127.20.9.9"].views)
            assert states(tmp_path)["tokyo"] == State.UP

        play(tmp_path, scenario, files={**FILES, "catalog.yaml": main}, demo=demo)


def test_what_was_answered_is_on_disk_after_a_stop(tmp_path: Path) -> None:
    """Leaving flushes the journal, without waiting for its timer."""

    async def scenario(served: Served) -> None:
        beacon = {"pop": "tokyo", "metric": "rtt_ms", "value": 20}
        beacon["token"] = (await served.tokens())["tokyo"]
        await served.public("POST", "/rum/v1/beacon", json=beacon)

    play(tmp_path, scenario)
    assert len(JournalReader(tmp_path / "journal").read()) == 1


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"public": Public(listen="nowhere")}, r"^public\.listen: "),
        ({"ops": Ops(listen="localhost:1")}, r"^ops\.listen: "),
        (
            {"public": Public(listen="127.0.0.1:0", trusted_proxies=("10.0.0.1/8",))},
            r"^public\.trusted_proxies: .*host bits",
        ),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, changed: dict[str, object], text: str) -> None:
    """Before anything is opened."""
    config = Config(state=str(tmp_path), **changed)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=text):
        asyncio.run(_start(config))
    assert list(tmp_path.iterdir()) == []


def test_a_taken_listener_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    """The journal thread and the tasks end with the failed start."""
    with taken() as listen:
        config = Config(state=str(tmp_path), public=Public(listen=str(listen)), ops=Ops(listen="127.0.0.1:0"))
        migrate.upgrade(config.store_url)
        with pytest.raises(ConfigError, match=rf"^public\.listen: cannot listen on TCP {listen}"):
            asyncio.run(_start(config))


async def _start(config: Config) -> None:
    async with running(config, explain=no_story, clock=Clock()):
        pass
