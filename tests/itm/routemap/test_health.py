from __future__ import annotations

import struct
import threading
from pathlib import Path

import pytest

from itm.errors import SnapshotError
from itm.routemap.health import ADDRESS_CAPACITY, CAPACITY, SIZE, HealthReader, HealthWriter, Slot, State


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_no_file_means_all_up(tmp_path: Path) -> None:
    """Without a table the sequence is 0 and nobody has a state; it is found when it appears."""
    reader = HealthReader(tmp_path / "t")
    assert (reader.sequence(), reader.read().states) == (0, {})
    HealthWriter(tmp_path / "t").set({"ams": State.DOWN})
    assert reader.refresh()
    assert not reader.refresh()
    assert reader.read().states == {"ams": State.DOWN}


def test_changes_move_the_sequence_and_since(tmp_path: Path) -> None:
    """Only a change counts; `since` is the time of the POP's own last change."""
    clock = Clock()
    writer = HealthWriter(tmp_path / "t", clock)
    reader = HealthReader(tmp_path / "t")
    assert writer.set({"ams": State.UP, "fra": State.DOWN})
    first = reader.sequence()
    clock.now = 200.0
    assert not writer.set({"ams": State.UP, "fra": State.DOWN})
    assert reader.sequence() == first
    assert writer.set({"ams": State.DRAINED, "fra": State.DOWN}, forced={"ams"})
    assert reader.sequence() == first + 2
    assert reader.read().slots == {
        "ams": Slot(State.DRAINED, True, 200.0),
        "fra": Slot(State.DOWN, False, 100.0),
    }
    assert writer.set({"fra": State.DOWN})
    assert reader.read().states == {"fra": State.DOWN}


def test_a_new_writer_goes_on_where_the_old_one_died(tmp_path: Path) -> None:
    """Content survives; an odd sequence of a writer killed inside becomes even with the next change."""
    clock = Clock()
    writer = HealthWriter(tmp_path / "t", clock)
    writer.set({"ams": State.DOWN})
    writer.close()
    content = bytearray((tmp_path / "t").read_bytes())
    struct.pack_into("<Q", content, 8, 7)
    (tmp_path / "t").write_bytes(content)
    reader = HealthReader(tmp_path / "t")
    assert reader.read().states == {}  # the writer is inside: nothing known yet
    clock.now = 300.0
    second = HealthWriter(tmp_path / "t", clock)
    assert second.set({"ams": State.DOWN, "fra": State.UP})
    assert reader.sequence() == 8
    assert reader.read().slots["ams"].since == 100.0


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    """The writer does not overwrite what is not its own; a reader keeps what it had."""
    (tmp_path / "t").write_bytes(b"x" * SIZE)
    with pytest.raises(SnapshotError):
        HealthWriter(tmp_path / "t")
    reader = HealthReader(tmp_path / "t")
    assert reader.read().states == {}
    (tmp_path / "t").write_bytes(b"short")
    assert not reader.refresh()


def test_too_many_pops(tmp_path: Path) -> None:
    """More POPs than slots are an error that changes nothing."""
    writer = HealthWriter(tmp_path / "t")
    with pytest.raises(ValueError, match="4096"):
        writer.set({f"p{i}": State.UP for i in range(CAPACITY + 1)})
    with pytest.raises(ValueError, match="addresses"):
        writer.set({}, down={f"2001:db8::{i:x}" for i in range(1, ADDRESS_CAPACITY + 2)})
    assert HealthReader(tmp_path / "t").sequence() == 0


def test_addresses_that_are_down(tmp_path: Path) -> None:
    """They stand by value, of both families, move the sequence, and survive the writer."""
    writer = HealthWriter(tmp_path / "t")
    reader = HealthReader(tmp_path / "t")
    down = {"192.0.2.1", "2001:db8::1"}
    assert writer.set({"ams": State.UP}, down=down)
    before = reader.sequence()
    assert reader.read().down == down
    assert not writer.set({"ams": State.UP}, down=down)
    assert writer.set({"ams": State.UP}, down={"2001:db8::1"})
    assert (reader.sequence(), reader.read().down) == (before + 2, {"2001:db8::1"})
    writer.close()
    assert not HealthWriter(tmp_path / "t").set({"ams": State.UP}, down={"2001:db8::1"})


def test_a_reader_never_sees_half_a_change(tmp_path: Path) -> None:
    """Two POPs that always change together are never read apart."""
    writer = HealthWriter(tmp_path / "t")
    reader = HealthReader(tmp_path / "t")
    writer.set({"a": State.UP, "b": State.UP})
    assert reader.read().states == {"a": State.UP, "b": State.UP}

    def change() -> None:
        for round_number in range(2000):
            state = State.DOWN if round_number % 2 else State.UP
            writer.set({"a": state, "b": state})

    thread = threading.Thread(target=change)
    thread.start()
    while thread.is_alive():
        states = reader.read().states
        assert states["a"] == states["b"]
    thread.join()
