import pytest

from itm.ops.metrics import Registry


def test_a_counter_keeps_one_line_per_set_of_labels() -> None:
    """The order in which labels are written does not make a new line."""
    counter = Registry().counter("x_total", "about")
    counter.add(source="rum", result="ok")
    counter.add(2, result="ok", source="rum")
    assert counter.value(source="rum", result="ok") == 3
    assert counter.value(source="feed", result="ok") == 0


def test_the_text_is_what_prometheus_reads() -> None:
    """HELP and TYPE, then one line per label set; gauges are read at the time of asking."""
    registry = Registry()
    counter = registry.counter("itm_records_total", "Records kept.")
    level = [1.5]
    registry.gauge("itm_level", "A level.", lambda: [({}, level[0])])
    counter.add(3, source="rum")
    level[0] = 2.5
    assert registry.render() == (
        "# HELP itm_records_total Records kept.\n"
        "# TYPE itm_records_total counter\n"
        'itm_records_total{source="rum"} 3\n'
        "# HELP itm_level A level.\n"
        "# TYPE itm_level gauge\n"
        "itm_level 2.5\n"
    )


def test_label_values_are_escaped() -> None:
    """A quote, a backslash or a newline in a value cannot forge another line."""
    registry = Registry()
    registry.counter("x_total", "about").add(reason='a"b\\c\nd')
    assert r'x_total{reason="a\"b\\c\nd"} 1' in registry.render().splitlines()


def test_large_counts_keep_every_digit() -> None:
    """A counter past 2^31 is not rounded."""
    registry = Registry()
    registry.counter("x_total", "about").add(123_456_789_012)
    assert "x_total 123456789012\n" in registry.render()


def test_one_name_is_one_metric() -> None:
    """Two metrics of one name would be two families in one scrape."""
    registry = Registry()
    registry.counter("x_total", "about")
    with pytest.raises(ValueError, match="exists already"):
        registry.counter("x_total", "about")


def test_a_line_adds_to_its_labels() -> None:
    """What is counted at every request is found once."""
    counter = Registry().counter("itm_x_total", "X.")
    line = counter.line(b="2", a="1")
    line(2)
    line(3)
    assert counter.value(a="1", b="2") == 5
