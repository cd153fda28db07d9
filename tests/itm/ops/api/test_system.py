from pathlib import Path

from tests.itm.ops.harness import Served, play


def test_alive_and_not_yet_ready(tmp_path: Path) -> None:
    """/healthz is about the process, /readyz about answers: without catalog, map and DNS it says so."""

    async def scenario(served: Served) -> None:
        assert (await served.ops("GET", "/healthz")).status == 200
        answer = await served.ops("GET", "/readyz")
        assert (answer.status, answer.json["ready"]) == (503, False)
        assert set(answer.json["faults"]) == {"store", "map", "dns"}

    play(tmp_path, scenario, files=None)


def test_metrics_are_prometheus_text(tmp_path: Path) -> None:
    """Counters of what was just done, with the content type a scraper asks for."""

    async def scenario(served: Served) -> None:
        token = (await served.tokens())["tokyo"]
        beacon = {"pop": "tokyo", "metric": "rtt_ms", "value": 20, "token": token}
        await served.public("POST", "/rum/v1/beacon", json=[beacon, {**beacon, "pop": "oslo"}])
        answer = await served.ops("GET", "/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = answer.text.splitlines()
        assert 'itm_measurements_total{source="rum"} 1' in lines
        assert 'itm_measurements_refused_total{reason="unknown_pop",source="rum"} 1' in lines
        assert 'itm_pop_state{pop="tokyo"} 0' in lines

    play(tmp_path, scenario)
