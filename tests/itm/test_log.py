import logging
import sys

import pytest

from itm.log import KeyValueFormatter, configure


def line(message: str, **extra: object) -> str:
    fields = {"name": "itm.test", "msg": message, "levelname": "INFO", "created": 0.25}
    record = logging.makeLogRecord(fields | extra)
    return KeyValueFormatter("edge").format(record)


def test_a_line_is_time_level_process_event_and_pairs() -> None:
    """Whatever `extra` holds becomes key=value, in its order."""
    assert line("map.loaded", version=3, took=0.123456789) == (
        "1970-01-01T00:00:00.250Z INFO edge map.loaded version=3 took=0.123457"
    )


def test_a_value_cannot_break_the_line() -> None:
    """A newline or a quote in a value (an override's reason, say) stays inside one quoted value."""
    text = line("pop.forced", reason='two\nlines "quoted"', empty="")
    assert text.endswith(r'reason="two\nlines \"quoted\"" empty=""')
    assert "\n" not in text


def test_an_exception_brings_its_traceback() -> None:
    """A bug keeps its traceback."""
    try:
        raise ValueError("broken")
    except ValueError:
        text = line("task.failed", exc_info=sys.exc_info())
    assert "Traceback" in text
    assert "ValueError: broken" in text


def test_configured_logging_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to a command's product."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure("serve")
        logging.getLogger("itm.test").info("hello", extra={"n": 1})
    finally:
        root.handlers[:], root.level = before, level
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("INFO serve hello n=1\n")


@pytest.mark.parametrize(
    "address",
    [
        "198.51.100.173",
        "2001:db8:7a7a:1234:5678:9abc:def0:4321",
        "2001:db8::4321",
        "::1",
        "::ffff:198.51.100.173",
    ],
)
def test_what_others_say_holds_no_address(address: str) -> None:
    """A library's message and any traceback may quote a stranger; our own events name our own addresses."""
    try:
        raise ValueError(f"raddr=('{address}', 5)")
    except ValueError:
        info = sys.exc_info()
    for text in (line(f"from {address}!", name="aiohttp.server"), line("bug", name="itm.x", exc_info=info)):
        assert address not in text
        assert "(an address)" in text
    assert line("at 02:11:16", name="asyncio").endswith("at 02:11:16")
    assert line("ready", name="itm.x", public=address).partition("public=")[2] == address
