from pathlib import Path
from typing import Any

import pytest

from collectors.feed.load import Load
from itm.errors import ExplainMismatch, ItmError
from itm.steer.explain import WhyQuestion
from tests.itm.ops.harness import Served, play

WHY = "/api/v1/why"


def test_the_question_reaches_the_explainer(tmp_path: Path) -> None:
    """Name, client, resolver and type as they were asked; the type is A unless said otherwise."""
    asked: list[WhyQuestion] = []

    def explain(question: WhyQuestion) -> dict[str, Any]:
        asked.append(question)
        return {"answer": "tokyo", "pops": [{"pop": "tokyo"}, {"pop": "paris"}]}

    async def scenario(served: Served) -> None:
        served.now.edge.loads.note(Load("tokyo", "", 1, 4, served.clock.now))
        answer = await served.ops("GET", f"{WHY}?name=gw.example.net&client=133.11.0.1&type=aaaa")
        assert (answer.status, answer.json["answer"]) == (200, "tokyo")
        loads = {pop["pop"]: pop["load"] and pop["load"]["share"] for pop in answer.json["pops"]}
        assert loads == {"tokyo": 0.25, "paris": None}
        await served.ops("GET", f"{WHY}?name=gw.example.net&resolver=9.9.9.9")

    play(tmp_path, scenario, explain=explain)
    assert asked == [
        WhyQuestion("gw.example.net", "133.11.0.1", "", "AAAA"),
        WhyQuestion("gw.example.net", "", "9.9.9.9", "A"),
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("client=1.2.3.4", "name"),
        ("name=gw.example.net", "client"),
        ("name=gw.example.net&client=1.2.3.4&type=MX", "type"),
        ("name=gw.example.net&klient=1.2.3.4", "klient"),
    ],
)
def test_a_wrong_question_names_its_parameter(tmp_path: Path, query: str, names: str) -> None:
    """400 before anything is explained."""

    async def scenario(served: Served) -> None:
        answer = await served.ops("GET", f"{WHY}?{query}")
        assert answer.status == 400
        assert answer.json["error"].startswith(f"{names}: ")

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("error", "status"), [(ItmError("name: not steered"), 400), (ExplainMismatch("leaf 7 differs"), 500)]
)
def test_what_the_explainer_raises_is_told(tmp_path: Path, error: ItmError, status: int) -> None:
    """A mismatch is our own bug and never hidden."""

    def explain(question: WhyQuestion) -> dict[str, Any]:
        raise error

    async def scenario(served: Served) -> None:
        answer = await served.ops("GET", f"{WHY}?name=x&client=1.2.3.4")
        assert (answer.status, answer.json["error"]) == (status, str(error))

    play(tmp_path, scenario, explain=explain)
