from __future__ import annotations

from itm.simulate.gap import as_data, as_text, lines
from itm.simulate.resolvers import Asked

FOUND = [
    *(Asked("elsewhere", 100.0, 40.0, 20.0, 30.0, 10.0) for _ in range(3)),
    Asked("elsewhere", 20.0, 20.0, 20.0, 20.0, 20.0),
    Asked("near", 10.0, 10.0, 9.5, 10.0, 9.0),
]


def test_the_share_of_the_gap() -> None:
    """From the resolver's own network to the client's; where there is next to none, no share of it."""
    near, _, _, elsewhere, *_ = lines(FOUND)
    assert (elsewhere.statistic, elsewhere.clients) == ("mean", 4)
    assert (elsewhere.by_resolver, elsewhere.by_map, elsewhere.by_client) == (80.0, 35.0, 20.0)
    assert (elsewhere.closed, elsewhere.reached) == (0.75, 45 / 52.5)
    assert near.closed is None


def test_the_table() -> None:
    """Three statistics of each kind that there is, for people and for programs."""
    table = lines(FOUND)
    text = as_text(table).splitlines()
    assert (
        " ".join(text[0].split()) == "round trip, ms resolver map client one POP best gap closed of one POP"
    )
    assert text[1].split() == ["near", "mean", "10.0", "10.0", "9.5", "10.0", "9.0", "-", "-"]
    assert text[4].split() == ["elsewhere", "mean", "80.0", "35.0", "20.0", "27.5", "12.5", "75%", "86%"]
    assert len(text) == 7
    assert as_data(table)[3]["closed"] == 0.75
    assert lines([]) == []
