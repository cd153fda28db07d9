import json

import pytest

from collectors.clienthash import ClientHash
from collectors.feed.rows import FeedResult, parse
from collectors.measurement import Measurement
from collectors.network import Network
from tests.collectors.observed import DAY, HOUR, NOON, Clock

NETWORK = Network.of("133.11.0.0/24")


def parsed(text: str | bytes, **options: object) -> FeedResult:
    body = text if isinstance(text, bytes) else text.encode()
    return parse(body, now=NOON, window_seconds=DAY, pops={"tyo", "fra"}, **options)


def ndjson(**changes: object) -> str:
    row = {"network": "133.11.0.0/24", "pop": "tyo", "metric": "rtt_ms", "value": 12.5, "time": NOON - 60}
    return json.dumps(row | changes)


def test_csv_with_and_without_column_names():
    """The first line may name the columns, in any order; else their order is the documented one."""
    expected = (Measurement(NETWORK, "tyo", "rtt_ms", 12.5, NOON - 60, "feed"),)
    plain = f"133.11.0.0/24,tyo,rtt_ms,12.5,{NOON - 60}\n"
    named = f"time,VALUE, metric ,pop,network,note\r\n{NOON - 60},12.5,rtt_ms,tyo,133.11.0.0/24,x\r\n"
    for text in (plain, named, "\ufeff" + named, plain.rstrip("\n"), "\n" + plain + "\n\n"):
        assert parsed(text) == FeedResult(expected, ())


def test_ndjson_and_both_kinds_of_time():
    """One object per line; seconds as a number or text, or ISO 8601 with an offset, are one moment."""
    times = [NOON - 60, str(NOON - 60), "2023-11-15T11:59:00Z", "2023-11-15T12:59:00+01:00"]
    result = parsed("\n".join(ndjson(time=t) for t in times) + "\n\n")
    assert result.refused == ()
    assert {m.time for m in result.accepted} == {NOON - 60}


def test_full_addresses_are_truncated_and_hashed():
    """A row with an address keeps its network and the client's hash; a row with a network has no client."""
    client_of = ClientHash(clock=Clock()).of
    rows = [
        ndjson(network="133.11.0.9"),
        ndjson(network="::ffff:133.11.0.9"),
        ndjson(network="133.11.0.9/32"),
    ]
    rows += [ndjson(), json.dumps({**json.loads(ndjson()), "network": None, "address": "133.11.0.9"})]
    result = parsed("\n".join(rows), client_of=client_of)
    assert {m.network for m in result.accepted} == {NETWORK}
    first = result.accepted[0].client
    assert first != 0
    assert [m.client for m in result.accepted] == [first, first, 0, 0, first]
    assert parsed(rows[0]).accepted[0].client == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"network": "133.11.0.0/16"}, "bad_network"),
        ({"network": "nowhere"}, "bad_network"),
        ({"network": ""}, "bad_network"),
        ({"network": 17}, "bad_network"),
        ({"network": ["133.11.0.0/24"]}, "bad_network"),
        ({"pop": "lax"}, "unknown_pop"),
        ({"pop": None}, "unknown_pop"),
        ({"metric": "speed"}, "unknown_metric"),
        ({"metric": ["rtt_ms"]}, "unknown_metric"),
        ({"value": "fast"}, "bad_value"),
        ({"value": "1_0"}, "bad_value"),
        ({"value": "nan"}, "bad_value"),
        ({"value": 1e9}, "bad_value"),
        ({"value": True}, "bad_value"),
        ({"metric": "availability", "value": 0.5}, "bad_value"),
        ({"time": "yesterday"}, "bad_time"),
        ({"time": "2023-11-15T12:00:00"}, "bad_time"),
        ({"time": None}, "bad_time"),
        ({"time": "inf"}, "bad_time"),
        ({"time": NOON - 25 * HOUR}, "too_old"),
        ({"time": NOON + HOUR}, "in_the_future"),
    ],
)
def test_each_refused_row_has_its_line_and_reason(changes: dict[str, object], code: str):
    """A bad row is refused by line and code; the good ones around it count."""
    result = parsed("\n".join([ndjson(), ndjson(**changes), ndjson()]))
    assert len(result.accepted) == 2
    assert [(r.line, r.code) for r in result.refused] == [(2, code)]


def test_all_that_is_wrong_with_a_row_is_said():
    """One refusal a row, every reason in its text."""
    (refused,) = parsed("x,lax,speed,fast,never\n").refused
    for part in ("network: 'x'", "pop: no POP 'lax'", "metric: 'speed'", "value: ", "time: "):
        assert part in refused.text


def test_lines_that_are_no_rows():
    """Broken JSON, a list, a row too short or too long are named by their lines; the rest is read."""
    result = parsed("\n".join([ndjson(), "{broken", "[1]", "", ndjson()]))
    assert [(r.line, r.code) for r in result.refused] == [(2, "not_json"), (3, "not_json")]
    assert len(result.accepted) == 2
    good = f"133.11.0.0/24,tyo,rtt_ms,12.5,{NOON}"
    result = parsed("\n".join([good, "1,2,3", good + ",more", good]))
    assert [(r.line, r.code) for r in result.refused] == [(2, "not_csv"), (3, "not_csv")]
    assert len(result.accepted) == 2


def test_old_feeds_can_be_shifted_to_now():
    """All times move alike so that the newest sound row is now; the window then counts from there."""
    old = [ndjson(time=NOON - 30 * DAY), ndjson(time=NOON - 30 * DAY - HOUR), ndjson(time=NOON - 32 * DAY)]
    assert [r.code for r in parsed("\n".join(old)).refused] == ["too_old"] * 3
    result = parsed("\n".join(old), shift_to_now=True)
    assert [m.time for m in result.accepted] == [NOON, NOON - HOUR]
    assert [(r.line, r.code) for r in result.refused] == [(3, "too_old")]
    assert result.shifted_seconds == 30 * DAY


@pytest.mark.parametrize("absurd", [1e300, NOON + 400 * DAY, NOON + HOUR, -1e300, -1])
def test_one_absurd_time_does_not_shift_the_others_away(absurd: float):
    """It is refused before the newest row is chosen, in few words; the others are now."""
    old = [ndjson(time=NOON - 30 * DAY), ndjson(time=absurd), ndjson(time=NOON - 30 * DAY - HOUR)]
    result = parsed("\n".join(old), shift_to_now=True)
    assert [m.time for m in result.accepted] == [NOON, NOON - HOUR]
    assert [(r.line, r.code) for r in result.refused] == [(2, "in_the_future" if absurd > 0 else "too_old")]
    assert len(result.refused[0].text) < 60


def test_a_clock_a_little_ahead_counts_as_now():
    """Some skew is normal and gains nothing."""
    assert parsed(ndjson(time=NOON + 200)).accepted[0].time == NOON


def test_feeds_that_are_not_text_or_empty():
    """No bytes raise: nothing in, nothing out; binary is one refusal."""
    assert parsed("") == parsed("\n\n") == FeedResult((), ())
    assert [r.code for r in parsed(b"\xff\xfe\x00a").refused] == ["not_text"]
    assert parsed("{" * 100_000).refused[0].code == "not_json"
    assert parsed('"' + "x" * 200_000).refused[0].code == "not_csv"


def test_a_quote_too_many_costs_its_own_line():
    """A row is a line: what follows is read; quotes around a field are none of its value."""
    good = f'"133.11.0.0/24",tyo,rtt_ms,"12.5",{NOON}\n'
    result = parsed(f'"133.11.0.0/24,tyo,rtt_ms,1,{NOON}\n' + good + "x" * 200_000 + "\n" + good)
    assert [m.value for m in result.accepted] == [12.5, 12.5]
    assert [(r.line, r.code) for r in result.refused] == [(1, "not_csv"), (3, "not_csv")]


def test_a_coarse_timer_is_said():
    """As an export says it, or as JSON does."""
    for given, coarse in (("1", True), (True, True), ("", False), (None, False), (False, False)):
        assert parsed(ndjson(coarse=given)).accepted[0].coarse is coarse
    assert parsed(ndjson(coarse="very")).refused[0].code == "bad_coarse"


def test_a_header_of_any_length_is_not_repeated_for_each_row():
    """A reason quotes column names cut short: they are a stranger's, and there may be a million rows."""
    named = "pop,metric," + "x" * 5_000 + "\u202e\n"
    (refused,) = parsed(named + "tyo,rtt_ms\n").refused
    assert (refused.line, refused.code) == (2, "not_csv")
    assert refused.text.startswith("2 fields, expected 3: 'pop, metric, xxx")
    assert len(refused.text) < 100
    assert refused.text.isascii()
