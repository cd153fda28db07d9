from pathlib import Path

from itm.store import catalogs, plans
from tests.itm.ops.harness import FILES, MAIN, Served, make_live, play

OTHER = {**FILES, "catalog.yaml": MAIN.replace("ttl: 20", "ttl: 30")}


def test_a_good_catalog_waits_for_the_builder(tmp_path: Path) -> None:
    """202 with its version; pending until somebody settles it, then with reason and Plan."""

    async def scenario(served: Served) -> None:
        wanted = {"files": OTHER, "message": "longer", "force": True}
        answer = await served.ops("POST", "/api/v1/catalog", scope="catalog", json=wanted)
        assert (answer.status, answer.json) == (202, {"version": 2, "status": "pending"})
        catalogs.settle(served.engine, 2, "refused", '{"moved": 0.9}', now=1.0, reason="moves too much")
        one = (await served.ops("GET", "/api/v1/catalog/versions/2")).json
        assert (one["status"], one["reason"], one["plan"]) == ("refused", "moves too much", {"moved": 0.9})
        assert (one["files"], one["message"], one["forced"], one["author"]) == (
            OTHER,
            "longer",
            True,
            "catalog",
        )

    play(tmp_path, scenario)


def test_a_wrong_catalog_is_refused_with_every_reason(tmp_path: Path) -> None:
    """Faults of the YAML and of a zone together, each with its path; no version is made."""
    bad = {
        "catalog.yaml": MAIN.replace("lat: 35.7", "lat: 135.7").replace("pool: world", "pool: wrld"),
        "example.net.zone": FILES["example.net.zone"] + "www A 1.2.3\n",
    }

    async def scenario(served: Served) -> None:
        answer = await served.ops("POST", "/api/v1/catalog", scope="catalog", json={"files": bad})
        assert answer.status == 422
        text = "\n".join(answer.json["reasons"])
        for part in ("pops.tokyo.lat", "rules[0]", "example.net.zone: line 5"):
            assert part in text
        assert len((await served.ops("GET", "/api/v1/catalog/versions")).json["versions"]) == 1

    play(tmp_path, scenario)


def test_going_back_makes_a_new_version_of_the_old_files(tmp_path: Path) -> None:
    """A number is never given twice; the message says where it came from."""

    async def scenario(served: Served) -> None:
        make_live(served.engine, OTHER, 1.0)
        answer = await served.ops("POST", "/api/v1/catalog/rollback", scope="catalog", json={"version": 1})
        assert (answer.status, answer.json["version"]) == (202, 3)
        one = (await served.ops("GET", "/api/v1/catalog/versions/3")).json
        assert (one["files"], one["message"], one["status"]) == (FILES, "back to version 1", "pending")

    play(tmp_path, scenario)


def test_versions_are_listed_newest_first_and_live_has_its_own_name(tmp_path: Path) -> None:
    """`live` is the one served, whatever its number."""

    async def scenario(served: Served) -> None:
        make_live(served.engine, OTHER, 1.0)
        listed = (await served.ops("GET", "/api/v1/catalog/versions")).json["versions"]
        assert [(v["version"], v["status"]) for v in listed] == [(2, "live"), (1, "superseded")]
        assert "files" not in listed[0]
        assert (await served.ops("GET", "/api/v1/catalog/versions/live")).json["version"] == 2

    play(tmp_path, scenario)


def test_a_version_that_is_not_there(tmp_path: Path) -> None:
    """404 for an unknown one, 400 for what is no version at all."""

    async def scenario(served: Served) -> None:
        assert (await served.ops("GET", "/api/v1/catalog/versions/live")).status == 404
        assert (await served.ops("GET", "/api/v1/catalog/versions/7")).status == 404
        assert (await served.ops("GET", "/api/v1/catalog/versions/x")).status == 400
        back = await served.ops("POST", "/api/v1/catalog/rollback", scope="catalog", json={"version": 9})
        assert back.status == 404

    play(tmp_path, scenario, files=None)


def test_a_plan_is_asked_for_and_read(tmp_path: Path) -> None:
    """It waits for the builder, has its answer's fields beside its own, and no version is made."""

    async def scenario(served: Served) -> None:
        asked = await served.ops("POST", "/api/v1/catalog/plans", scope="catalog", json={"files": FILES})
        assert (asked.status, asked.json) == (202, {"plan": 1})
        assert (await served.ops("GET", "/api/v1/catalog/plans/1")).json["answered_at"] is None
        plans.answer(served.engine, 1, {"unsafe": "", "classes": []}, now=9.0)
        assert (await served.ops("GET", "/api/v1/catalog/plans/1")).json == {
            "plan": 1, "created_at": served.clock.now, "author": "catalog", "answered_at": 9.0, "reason": "",
            "unsafe": "", "classes": [],
        }  # fmt: skip
        assert (await served.ops("GET", "/api/v1/catalog/plans/9")).status == 404
        assert [v.status for v in catalogs.history(served.engine)] == ["live"]

    play(tmp_path, scenario)


def test_a_plan_of_a_wrong_catalog_is_refused_with_every_reason(tmp_path: Path) -> None:
    """As it would be applied."""

    async def scenario(served: Served) -> None:
        files = {"catalog.yaml": "pops: {}\nservices: 7\n"}
        answer = await served.ops("POST", "/api/v1/catalog/plans", scope="catalog", json={"files": files})
        assert (answer.status, len(answer.json["reasons"]) > 1) == (422, True)

    play(tmp_path, scenario)
