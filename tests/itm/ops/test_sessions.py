import json
import logging
from pathlib import Path

import pytest

from collectors.clienteletable import ClienteleTable
from collectors.network import Network
from collectors.rum.keyfile import KeyFile
from itm.config import Collect, Demo
from itm.dns.sessions import Resolution, pack
from itm.errors import ConfigError
from itm.ops.sessions import KEY_FILE
from itm.routemap import current, snapshot
from tests.itm.ops.harness import FILES, MAIN, Served, play
from tests.itm.ops.test_edge import until
from tests.itm.routemap.worlds import random_map

SESSION = "/rum/v1/session"


def test_a_plan_names_every_pop_once(tmp_path: Path) -> None:
    """A probe of each POP with URL and token; any page may ask; one POP is offered the large object."""

    async def scenario(served: Served) -> None:
        headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://shop.example"}
        answer = await served.public("POST", SESSION, headers, data=b'{"service": "gw.example.net"}')
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
        probes = {probe["pop"]: probe for probe in answer.json["probes"]}
        assert set(probes) == {"tokyo", "paris"}
        assert probes["tokyo"]["url"] == "https://tokyo.example/probe/v1/r.gif"
        assert [probe["large_url"] for probe in probes.values()].count(None) == 1
        assert len({probe["token"] for probe in probes.values()}) == 2
        assert (len(answer.json["session"]), answer.json["timeout_ms"]) == (26, 4000)
        preflight = await served.public("OPTIONS", SESSION, headers)
        assert (preflight.status, preflight.headers["Access-Control-Allow-Methods"]) == (204, "POST")
        metrics = (await served.ops("GET", "/metrics")).text
        assert "itm_sessions_total 1" in metrics
        assert 'itm_session_probes_total{why="drawn"} 2' in metrics

    play(tmp_path, scenario)


def test_a_session_has_a_name_of_its_own_to_resolve(tmp_path: Path) -> None:
    """Where the catalog has a probe zone, and whoever resolves it is paired with the client's network."""
    zone = FILES["example.net.zone"] + "*.p 0 A 192.0.2.80\n"
    files = {"catalog.yaml": MAIN + "rum: {probe_zone: p.example.net}\n", "example.net.zone": zone}

    async def scenario(served: Served) -> None:
        answer = await served.public("POST", SESSION, {"X-Forwarded-For": "133.11.0.7"})
        name = answer.json["session"]
        assert answer.json["resolver"] == f"https://{name}.p.example.net/probe/v1/r.gif"
        served.now.edge.pairing.heard(pack(Resolution(name, (4, 0xC00002))))
        assert "itm_resolvers 1" in (await served.ops("GET", "/metrics")).text

    play(tmp_path, scenario, files=files, trusted=("127.0.0.0/8",))
    [client] = ClienteleTable.read(tmp_path / "clientele.ckpt").client.tolist()
    assert str(Network.of_key(client)) == "133.11.0.0/24"


def test_the_pop_that_dns_answers_comes_first(tmp_path: Path) -> None:
    """Once there is a map; what the network's rule does not allow is not planned."""
    pops = "".join(
        f"  pop-{n}: {{provider: x, city: y, country: JP, lat: 35, lon: 139, ipv4: 192.0.2.{n + 1},\n"
        f'    probe_url: "http://pop-{n}.example"}}\n'
        for n in range(6)
    )
    files = {**FILES, "catalog.yaml": f"pops:\n{pops}" + MAIN[MAIN.index("services:") :].replace(
        "[tokyo, paris]", "[pop-0, pop-1]"
    )}  # fmt: skip
    (tmp_path / "maps").mkdir()
    snapshot.write(random_map(1), current.path_of(tmp_path / "maps", 7))
    current.publish(tmp_path / "maps", 7)
    routemap = random_map(1)

    async def scenario(served: Served) -> None:
        for unit in range(0, 1 << 24, 1 << 19):
            headers = {"X-Forwarded-For": f"{unit >> 16}.{unit >> 8 & 255}.{unit & 255}.9"}
            order = routemap.order_of(0, routemap.classes[0].lookup(4, unit)[0])
            answer = await served.public("POST", SESSION, headers)
            if not order:
                assert answer.status == 204
                continue
            planned = [probe["pop"] for probe in answer.json["probes"]]
            assert planned[0] == f"pop-{order[0]}"
            assert {int(pop[-1]) for pop in planned} <= set(order)
        missing = await served.public("POST", SESSION, data=b'{"service": "www.example.net"}')
        assert (missing.status, missing.json["error"]) == (404, "no steered name www.example.net.")

    play(tmp_path, scenario, files=files, trusted=("127.0.0.0/8",))


def test_budgets_are_kept_and_counted(tmp_path: Path) -> None:
    """204 without a body; another network still gets its plan."""

    async def scenario(served: Served) -> None:
        tokyo, other = ({"X-Forwarded-For": address} for address in ("133.11.0.7", "133.11.1.7"))
        statuses = [(await served.public("POST", SESSION, tokyo)).status for _ in range(3)]
        assert statuses == [200, 200, 204]
        assert (await served.public("POST", SESSION, other)).status == 200
        assert (await served.public("POST", SESSION, {"X-Forwarded-For": "133.11.2.7"})).status == 204
        metrics = (await served.ops("GET", "/metrics")).text
        assert 'itm_sessions_declined_total{reason="network_budget"} 1' in metrics
        assert 'itm_sessions_declined_total{reason="overall_budget"} 1' in metrics

    budgets = Collect(network_sessions_per_hour=2, sessions_per_second=3)
    play(tmp_path, scenario, trusted=("127.0.0.0/8",), collect=budgets)


def test_without_probe_urls_there_is_nothing_to_measure(tmp_path: Path) -> None:
    """And without a catalog neither."""

    async def scenario(served: Served) -> None:
        answer = await served.public("POST", SESSION)
        assert (answer.status, answer.text) == (204, "")
        metrics = (await served.ops("GET", "/metrics")).text
        assert 'itm_sessions_declined_total{reason="no_pop"} 1' in metrics

    bare = MAIN.replace("https://tokyo.example", "").replace('probe_url: "", ', "")
    bare = bare.replace('probe_url: "https://paris.example", ', "")
    play(tmp_path / "bare", scenario, files={**FILES, "catalog.yaml": bare})
    play(tmp_path / "none", scenario, files=None)


def test_a_request_that_is_none_is_told(tmp_path: Path) -> None:
    """400 with what was expected; it costs no budget."""

    async def scenario(served: Served) -> None:
        answer = await served.public("POST", SESSION, data=b'{"service": 7}')
        assert (answer.status, answer.json["error"][:8]) == (400, "expected")
        assert (await served.public("POST", SESSION)).status == 200

    play(tmp_path, scenario, collect=Collect(network_sessions_per_hour=1))


def test_drained_pops_are_not_measured(tmp_path: Path) -> None:
    """Nobody is to be sent there."""

    async def scenario(served: Served) -> None:
        body = {"state": "drained"}
        forced = await served.ops("POST", "/api/v1/pops/tokyo/override", scope="operate", json=body)
        assert forced.status == 200
        assert set(await served.tokens()) == {"paris"}

    play(tmp_path, scenario)


def test_keys_turn_over_while_running(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In the operator's file: others count within a second, a broken file is told and changes nothing."""
    path = tmp_path / "shared.keys"
    path.touch(mode=0o600)
    path.write_text("ab" * 32)
    caplog.set_level(logging.INFO)

    def told(event: str) -> int:
        return [record.message for record in caplog.records].count(event)

    async def scenario(served: Served) -> None:
        item = {"pop": "tokyo", "metric": "rtt_ms", "value": 23.5}
        before = (await served.tokens())["tokyo"]
        path.write_text("rubbish")
        await until(lambda: told("tokens.keys_unusable") == 1)
        path.write_text("cd" * 32)
        await until(lambda: told("tokens.keys_changed") == 1)
        refused = await served.public("POST", "/rum/v1/beacon", json={**item, "token": before})
        assert refused.json["refused"][0]["code"] == "token_forged"
        fresh = (await served.tokens())["tokyo"]
        assert (await served.public("POST", "/rum/v1/beacon", json={**item, "token": fresh})).status == 204

    play(tmp_path, scenario, collect=Collect(token_keys=str(path)))
    assert not (tmp_path / KEY_FILE).exists()


def test_a_token_outlives_a_restart(tmp_path: Path) -> None:
    """The key stands in the state directory."""
    tokens: dict[str, str] = {}

    async def ask(served: Served) -> None:
        tokens.update(await served.tokens())

    async def report(served: Served) -> None:
        item = {"pop": "tokyo", "metric": "rtt_ms", "value": 23.5, "token": tokens["tokyo"]}
        assert (await served.public("POST", "/rum/v1/beacon", json=item)).status == 204

    play(tmp_path, ask)
    assert KeyFile(tmp_path / KEY_FILE, is_ours=True, life_seconds=300).keys
    play(tmp_path, report)


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """At start, with the setting."""

    async def scenario(served: Served) -> None:
        raise AssertionError("it must not start")

    with pytest.raises(ConfigError, match=r"collect\.token_keys: .*missing"):
        play(tmp_path, scenario, collect=Collect(token_keys=str(tmp_path / "missing")))


def test_the_demos_pops_are_measured_where_they_listen(tmp_path: Path) -> None:
    """Plans go to demo.probe_target_port."""
    main = MAIN.replace("https://tokyo.example", "http://127.20.0.9:8081")

    async def scenario(served: Served) -> None:
        probes = json.loads((await served.public("POST", SESSION)).text)["probes"]
        assert {probe["url"] for probe in probes} == {
            "http://127.20.0.9:9000/probe/v1/r.gif",
            "https://paris.example/probe/v1/r.gif",
        }

    demo = Demo(enabled=True, probe_target_port=9000)
    play(tmp_path, scenario, files={**FILES, "catalog.yaml": main}, demo=demo)


def test_a_robot_gets_no_plan(tmp_path: Path) -> None:
    """It is told that there is nothing to measure; what it calls itself is in no metric."""
    robot = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}

    async def scenario(served: Served) -> None:
        assert (await served.public("POST", SESSION, robot)).status == 204
        metrics = (await served.ops("GET", "/metrics")).text
        assert 'itm_sessions_declined_total{reason="bot"} 1' in metrics
        assert "Googlebot" not in metrics

    play(tmp_path, scenario)
