from __future__ import annotations

import socket
import stat
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors import localbus
from collectors.bus import Ack, Mark
from collectors.errors import BusLost
from collectors.localbus import LocalReceiver, LocalSender
from collectors.segments import Position

ACK = Ack("one", Mark(3, Position(2, 77)), 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A path longer than an address of a socket may be."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    return folder / localbus.FILE


@pytest.fixture
def receiver(path: Path) -> Iterator[LocalReceiver]:
    made = LocalReceiver(path)
    yield made
    made.close()


def test_deltas_there_and_acknowledgments_back(path: Path, receiver: LocalReceiver) -> None:
    """Whole, in order; an acknowledgment reaches every collector that is there."""
    one, other = LocalSender(path), LocalSender(path)
    assert one.acknowledged() is None
    assert receiver.receive() is None
    assert one.send(b"first")
    assert one.send(b"second")
    assert other.send(b"third")
    assert sorted(received(receiver, 3)) == [b"first", b"second", b"third"]
    receiver.ack(ACK)
    assert (one.acknowledged(), other.acknowledged()) == (ACK, ACK)
    assert one.acknowledged() is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def received(receiver: LocalReceiver, count: int) -> list[bytes]:
    found = [receiver.receive() for _ in range(count)]
    return [frame for frame in found if frame is not None]


def test_a_delta_larger_than_any_buffer(path: Path, receiver: LocalReceiver) -> None:
    """Both ends wait for each other within a frame."""
    sender, large = LocalSender(path), bytes(range(256)) * 20_000
    sending = threading.Thread(target=sender.send, args=(large,))
    sending.start()
    frame = None
    while frame is None:
        frame = receiver.receive()
    sending.join()
    assert frame == large


def test_a_builder_that_does_not_read_holds_nobody_up(
    path: Path, receiver: LocalReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frame waits; the next one is not taken until it is out."""
    monkeypatch.setattr(localbus, "PATIENCE_SECONDS", 0.01)
    sender, large = LocalSender(path), b"x" * (4 << 20)
    assert sender.send(large)
    assert not sender.send(b"next")
    frame = None
    while frame is None:
        frame = receiver.receive()
        sender.acknowledged()
    assert frame == large
    assert sender.send(b"next")


def test_nobody_there_is_told(path: Path) -> None:
    """Before the builder listens, and each time again."""
    sender = LocalSender(path)
    for _ in range(2):
        with pytest.raises(BusLost, match=localbus.FILE):
            sender.send(b"first")


def test_a_builder_that_died_is_noticed_and_found_again(path: Path) -> None:
    """Half a frame dies with the connection; the next builder hears whole ones."""
    first = LocalReceiver(path)
    sender = LocalSender(path)
    assert sender.send(b"x" * 300_000)
    first.close()
    with pytest.raises(BusLost):
        sender.acknowledged()
    second = LocalReceiver(path)
    assert sender.send(b"again")
    assert second.receive() == b"again"
    second.close()
    with pytest.raises(BusLost):
        sender.acknowledged()


def test_a_collector_that_died_takes_nothing_along(
    path: Path, receiver: LocalReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole deltas count though their sender is gone; half a one does not."""
    monkeypatch.setattr(localbus, "PATIENCE_SECONDS", 0.01)
    sender = LocalSender(path)
    assert sender.send(b"whole")
    assert sender._socket is not None
    sender._socket.send(struct.pack("<I", 100) + b"half")
    sender.close()
    assert receiver.receive() == b"whole"
    assert receiver.receive() is None
    receiver.ack(ACK)


def test_what_no_collector_sends_ends_the_connection(path: Path, receiver: LocalReceiver) -> None:
    """A length beyond all measure is not waited for."""
    sender = LocalSender(path)
    assert sender.send(b"first")
    assert receiver.receive() == b"first"
    assert isinstance(sender._socket, socket.socket)
    sender._socket.send(b"\xff" * 8)
    assert receiver.receive() is None
    with pytest.raises(BusLost):
        sender.acknowledged()
