import json
from typing import Any

import pytest

from collectors.measurement import Measurement, records
from collectors.network import Network
from collectors.rum.beacon import MAX_ITEMS, BeaconResult, parse
from collectors.rum.register import TokenRegister
from collectors.rum.token import KEY_BYTES, TokenKeys
from tests.collectors.observed import NOON

NETWORK = Network.of("133.11.0.1")
GOOD = {"pop": "tyo", "metric": "rtt_ms", "value": 12.5}


def parsed(content: Any) -> BeaconResult:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return parse(body, network=NETWORK, client=77, now=NOON, pops={"tyo", "fra"})


@pytest.mark.parametrize("content", [GOOD, [GOOD], {"measurements": [GOOD]}, {**GOOD, "time": 5, "x": [1]}])
def test_the_three_shapes_of_a_body(content: Any):
    """An object, a list, or a list under `measurements`; a stranger's clock and other fields do not count."""
    assert parsed(content) == BeaconResult(
        (Measurement(NETWORK, "tyo", "rtt_ms", 12.5, NOON, "rum", 77),), ()
    )


def test_a_coarse_timer_is_marked():
    """The mark travels into the record."""
    result = parsed([{**GOOD, "coarse": True}, {**GOOD, "coarse": False}])
    assert [m.coarse for m in result.accepted] == [True, False]
    assert records(result.accepted)["flags"].tolist() == [1, 0]


def test_availability_is_zero_or_one():
    """An integer counts as the number it is."""
    result = parsed(
        [{"pop": "fra", "metric": "availability", "value": value} for value in (0, 1, 1.0, 2, 0.5)]
    )
    assert [m.value for m in result.accepted] == [0.0, 1.0, 1.0]
    assert [(r.index, r.code) for r in result.refused] == [(3, "bad_value"), (4, "bad_value")]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ([], "not_an_object"),
        ("x", "not_an_object"),
        (None, "not_an_object"),
        ({}, "unknown_pop"),
        ({**GOOD, "pop": "lax"}, "unknown_pop"),
        ({**GOOD, "pop": ["tyo"]}, "unknown_pop"),
        ({**GOOD, "pop": None}, "unknown_pop"),
        ({**GOOD, "metric": "speed"}, "unknown_metric"),
        ({**GOOD, "metric": {}}, "unknown_metric"),
        ({**GOOD, "value": "12"}, "bad_value"),
        ({**GOOD, "value": True}, "bad_value"),
        ({**GOOD, "value": None}, "bad_value"),
        ({**GOOD, "value": 0}, "bad_value"),
        ({**GOOD, "value": -3}, "bad_value"),
        ({**GOOD, "value": 60_000.5}, "bad_value"),
        ({**GOOD, "value": 10**400}, "bad_value"),
        ({**GOOD, "coarse": "yes"}, "bad_coarse"),
    ],
)
def test_each_refused_item_has_its_reason(item: Any, code: str):
    """A bad item is refused by its place and code; the good ones beside it count."""
    result = parsed([GOOD, item, GOOD])
    assert len(result.accepted) == 2
    assert [(r.index, r.code) for r in result.refused] == [(1, code)]


def test_all_that_is_wrong_is_said():
    """The code is that of the first reason, the text holds every one."""
    (refusal,) = parsed({"pop": "lax", "metric": "speed", "value": "x", "coarse": 1}).refused
    assert refusal.code == "unknown_pop"
    for part in ("pop: no POP 'lax'", "metric: 'speed'", "value: expected a number", "coarse: expected true"):
        assert part in refusal.text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe\x00", "not_json"),
        (b'[{"pop": "tyo", "metric": "rtt_ms", "value": NaN}]', "not_json"),
        (b'{"value": -Infinity}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"1" * 10_000, "not_json"),
        (b"7", "not_a_batch"),
        (b'"text"', "not_a_batch"),
        (b"null", "not_a_batch"),
        (b'{"measurements": {"pop": 1}}', "not_a_batch"),
        (json.dumps([GOOD] * (MAX_ITEMS + 1)).encode(), "too_many"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole(body: bytes, code: str):
    """Nothing is guessed: one refusal for the whole body, nothing accepted."""
    result = parsed(body)
    assert result.accepted == ()
    assert [(r.index, r.code) for r in result.refused] == [(-1, code)]


def test_an_empty_list_is_an_empty_beacon():
    """Nothing to say is nothing wrong."""
    assert parsed([]) == BeaconResult((), ())
    assert len(parsed([GOOD] * MAX_ITEMS).accepted) == MAX_ITEMS


def test_reasons_stay_short():
    """A stranger's megabyte does not come back as a reason."""
    (refusal,) = parsed({**GOOD, "pop": "p" * 100_000, "metric": ["m"] * 9999}).refused
    assert len(refusal.text) < 250


def register() -> TokenRegister:
    return TokenRegister(TokenKeys([b"k" * KEY_BYTES]), life_seconds=300, most_spent=10)


def admitted(
    tokens: TokenRegister, content: Any, now: float = NOON, client: str = "133.11.0.1"
) -> BeaconResult:
    """Parse with tokens and use up what admitted something, as the endpoint does."""
    body = json.dumps(content).encode()
    network = Network.of(client)
    result = parse(body, network=network, client=7, now=now, pops={"tyo", "fra"}, tokens=tokens)
    tokens.spend(result.claims, now)
    return result


def test_a_token_admits_each_metric_of_its_pop_once():
    """All in one beacon, in any order, beside those of another probe."""
    tokens = register()
    tokyo, frankfurt = (tokens.issue(NETWORK, pop, NOON) for pop in ("tyo", "fra"))
    good = [
        {"pop": pop, "metric": metric, "value": 1, "token": token}
        for metric in ("rtt_ms", "availability", "connect_ms")
        for pop, token in (("tyo", tokyo), ("fra", frankfurt))
    ]
    result = admitted(tokens, [*good, good[0]])
    assert (len(result.accepted), len(result.claims)) == (6, 2)
    assert [(r.index, r.code) for r in result.refused] == [(6, "token_repeated")]
    assert [r.code for r in admitted(tokens, good[:1]).refused] == ["token_used"]


def test_each_misuse_of_a_token_has_its_name():
    """Nothing is admitted, and a token that admitted nothing is not used up."""
    tokens = register()
    token = tokens.issue(NETWORK, "tyo", NOON)
    item = {**GOOD, "token": token}
    forged = TokenRegister(TokenKeys([b"f" * KEY_BYTES]), life_seconds=300, most_spent=10)

    def code(item: Any, **how: Any) -> str:
        result = admitted(tokens, [item], **how)
        assert (result.accepted, result.claims) == ((), ())
        return result.refused[0].code

    assert code(GOOD) == "token_missing"
    assert code({**item, "token": None}) == "token_missing"
    assert code({**item, "token": "x"}) == code({**item, "token": [token]}) == "token_malformed"
    assert code({**item, "token": forged.issue(NETWORK, "tyo", NOON)}) == "token_forged"
    assert code(item, now=NOON + 301) == "token_expired"
    assert code(item, client="133.11.1.1") == "token_foreign"
    assert code({**item, "pop": "fra"}) == "token_pop"
    assert code({**item, "value": -1}) == "bad_value"
    assert len(admitted(tokens, [item]).accepted) == 1


def test_what_too_many_used_tokens_pushed_out_is_not_admitted():
    """The memory holds ten: an older token may have been used, so it is not good any more."""
    tokens = register()
    early = tokens.issue(NETWORK, "tyo", NOON)
    for number in range(12):
        later = tokens.issue(NETWORK, "tyo", NOON + 1 + number)
        assert admitted(tokens, {**GOOD, "token": later}, now=NOON + 20).refused == ()
    result = admitted(tokens, {**GOOD, "token": early}, now=NOON + 20)
    assert [r.code for r in result.refused] == ["token_crowded"]


def test_tokens_are_not_looked_at_where_none_is_required():
    """Any field may stand beside the four."""
    assert len(parsed({**GOOD, "token": "whatever"}).accepted) == 1
