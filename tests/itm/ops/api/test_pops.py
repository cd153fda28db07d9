import asyncio
import time
from pathlib import Path

from itm.routemap.health import HealthReader, State
from itm.store import audit
from tests.itm.ops.harness import Served, play

OVERRIDE = "/api/v1/pops/tokyo/override"


def table(state: Path) -> dict[str, State]:
    return HealthReader(state / "health.table").read().states


def test_every_pop_of_the_live_catalog_is_listed(tmp_path: Path) -> None:
    """With its state and the reason for it, open to anyone who can reach the listener."""

    async def scenario(served: Served) -> None:
        answer = (await served.ops("GET", "/api/v1/pops")).json
        assert (answer["catalog_version"], answer["fail_open"]) == (1, False)
        tokyo = next(pop for pop in answer["pops"] if pop["id"] == "tokyo")
        assert (tokyo["city"], tokyo["ipv4"]) == ("Tokyo", ["192.0.2.1"])
        assert (tokyo["state"], tokyo["forced"], tokyo["reason"]) == ("up", False, "not checked")
        assert (tokyo["checks"], tokyo["override"]) == ([], None)

    play(tmp_path, scenario)


def test_an_override_is_in_the_health_table_when_it_is_answered(tmp_path: Path) -> None:
    """No rebuild, no poll: the table has it before the client has its 200."""

    async def scenario(served: Served) -> None:
        wanted = {"state": "drained", "for_seconds": 3600, "reason": "works"}
        answer = await served.ops("POST", OVERRIDE, scope="operate", json=wanted)
        assert table(tmp_path) == {"tokyo": State.DRAINED, "paris": State.UP}
        assert answer.status == 200
        assert answer.json["override"] == {
            "state": "drained", "reason": "works", "author": "operate", "expires_at": served.clock.now + 3600,
        }  # fmt: skip
        cleared = await served.ops("DELETE", OVERRIDE, scope="operate")
        assert (cleared.status, cleared.json["state"], cleared.json["cleared"]) == (200, "up", True)
        assert table(tmp_path)["tokyo"] == State.UP

    play(tmp_path, scenario)


def test_an_override_survives_a_restart_and_its_expiry_counts_on(tmp_path: Path) -> None:
    """Stored before it is answered; the second edge process finds it."""

    async def force(served: Served) -> None:
        await served.ops("POST", OVERRIDE, scope="operate", json={"state": "down"})

    async def look(served: Served) -> None:
        listed = (await served.ops("GET", "/api/v1/pops")).json["pops"]
        assert {pop["id"]: pop["state"] for pop in listed} == {"tokyo": "down", "paris": "up"}

    play(tmp_path, force)
    play(tmp_path, look)


def test_all_pops_down_is_said(tmp_path: Path) -> None:
    """The list says that answers go out as if all were up."""

    async def scenario(served: Served) -> None:
        for pop in ("tokyo", "paris"):
            await served.ops("POST", f"/api/v1/pops/{pop}/override", scope="operate", json={"state": "down"})
        assert (await served.ops("GET", "/api/v1/pops")).json["fail_open"] is True

    play(tmp_path, scenario)


def test_a_wrong_override_changes_nothing_and_names_every_fault(tmp_path: Path) -> None:
    """400 with each fault; 404 for a POP that is not in the live catalog."""

    async def scenario(served: Served) -> None:
        wanted = {"state": "sideways", "for_seconds": -1, "reazon": "x"}
        answer = await served.ops("POST", OVERRIDE, scope="operate", json=wanted)
        assert answer.status == 400
        for fault in (
            "state: expected up or down or drained",
            "for_seconds: expected",
            "reazon: no such key",
        ):
            assert fault in answer.json["error"]
        missing = "/api/v1/pops/oslo/override"
        assert (await served.ops("POST", missing, scope="operate", json={"state": "up"})).status == 404
        assert (await served.ops("DELETE", missing, scope="operate")).status == 404
        assert table(tmp_path) == {"tokyo": State.UP, "paris": State.UP}

    play(tmp_path, scenario)


def test_every_change_is_in_the_audit_trail_with_its_author(tmp_path: Path) -> None:
    """The token's name says who."""

    async def scenario(served: Served) -> None:
        await served.ops("POST", OVERRIDE, scope="operate", json={"state": "up"})
        await served.ops("DELETE", OVERRIDE, scope="operate")
        entries = audit.history(served.engine)
        assert [(e.who, e.action) for e in entries[:2]] == [
            ("operate", "pop.clear"),
            ("operate", "pop.override"),
        ]

    play(tmp_path, scenario)


STATE = "/api/v1/pops/tokyo/state"


def test_a_state_is_told_at_once_or_when_it_changes(tmp_path: Path) -> None:
    """With `while` and `wait` the answer comes with the change, in milliseconds, not with the time-out."""

    async def scenario(served: Served) -> None:
        now = (await served.ops("GET", STATE)).json
        assert now == {"pop": "tokyo", "state": "up", "forced": False, "reason": "not checked"} | {
            "since": served.clock.now
        }
        other = await served.ops("GET", STATE + "?while=drained&wait=60")
        assert other.json["state"] == "up"
        waiting = asyncio.ensure_future(served.ops("GET", STATE + "?while=up&wait=60"))
        await asyncio.sleep(0.05)
        await served.ops("POST", "/api/v1/pops/paris/override", scope="operate", json={"state": "down"})
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await served.ops("POST", OVERRIDE, scope="operate", json={"state": "drained"})
        told = await asyncio.wait_for(waiting, 1)
        assert (told.json["state"], told.json["forced"]) == ("drained", True)
        same = await served.ops("GET", STATE + "?while=drained&wait=0.05")
        assert same.json["state"] == "drained"

    play(tmp_path, scenario)


def test_a_state_of_nobody_and_a_wait_without_end(tmp_path: Path) -> None:
    """404 for a POP that is not in the live catalog, 400 for a wait that is no number of seconds in reach."""

    async def scenario(served: Served) -> None:
        assert (await served.ops("GET", "/api/v1/pops/oslo/state")).status == 404
        for wrong in ("61", "-1", "long", "nan"):
            assert (await served.ops("GET", f"{STATE}?wait={wrong}")).status == 400

    play(tmp_path, scenario)


def test_a_stop_does_not_wait_for_those_who_wait(tmp_path: Path) -> None:
    """The server lets them go before it stops."""
    left: list[float] = []

    async def scenario(served: Served) -> None:
        waiting = asyncio.ensure_future(served.ops("GET", STATE + "?while=up&wait=60"))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        waiting.add_done_callback(lambda done: done.exception())
        left.append(time.monotonic())

    play(tmp_path, scenario)
    assert time.monotonic() - left[0] < 1.5
