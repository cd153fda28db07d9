"""Wires of strangers: recorded and replayed, mutated, random. They open nothing and change nothing."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.protocol import rspframe as frames
from gateway.protocol.budget import Budget
from gateway.protocol.errors import ProtocolError
from gateway.protocol.rsp import Endpoint
from tests.gateway.protocol.wires import SESSION, End, connect, ends, settle

QUICK = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def recorded() -> tuple[tuple[End, End], list[list[bytes]]]:
    """A session over two wires, and all that the client's side wrote on each."""
    pair, heard = ends(), []
    for epoch in (1, 2):
        connect(pair, epoch)
        wire: list[bytes] = []
        for round_ in range(6):
            pair[0].send(bytes([epoch * 16 + round_]) * 50)
            for sender, receiver in (pair, pair[::-1]):
                data = sender.endpoint.take()
                receiver.receive(data)
                receiver.consume()
                receiver.endpoint.flush()
                if sender is pair[0]:
                    wire.append(data)
        heard.append(wire)
    settle(pair)
    return pair, heard


def attack(pair: tuple[End, End], data: bytes, epoch: int) -> None:
    """Bring a wire to the connector's end, as its program does: greeting first, then the rest."""
    endpoint = pair[1].endpoint
    before = (endpoint.epoch, endpoint.is_open, bytes(pair[1].got), endpoint.closed)
    try:
        if endpoint.has_greeting(data):
            pair[1].take_events(endpoint.adopt(data, epoch))
            raise AssertionError(f"a stranger's wire was adopted at epoch {epoch}")
    except ProtocolError:
        pass
    assert (endpoint.epoch, endpoint.is_open, bytes(pair[1].got), endpoint.closed) == before


def goes_on(pair: tuple[End, End]) -> None:
    """The session is whole: on its wire, and on the next one."""
    for epoch in (None, pair[0].endpoint.epoch + 1):
        if epoch is not None:
            connect(pair, epoch)
        pair[0].send(b"to the VDA")
        pair[1].send(b"to the client")
        settle(pair)
        assert pair[1].got == pair[0].sent
        assert pair[0].got == pair[1].sent


@QUICK
@given(
    epoch=st.sampled_from((1, 2, 3, 4, 2**31, 2**32 - 1)), wire=st.integers(0, 1), length=st.integers(0, 400)
)
def test_a_recorded_wire_opens_nothing(epoch: int, wire: int, length: int) -> None:
    """Replayed under its own epoch, an old one, a later one: each RESUME is good for one wire."""
    pair, heard = recorded()
    attack(pair, b"".join(heard[wire])[:length], epoch)
    goes_on(pair)


@QUICK
@given(
    at=st.integers(0, frames.GREETING_BYTES - 1), bit=st.integers(0, 7), epoch=st.sampled_from((3, 9)),
    behind=st.binary(max_size=60),
)  # fmt: skip
def test_a_changed_greeting_opens_nothing(at: int, bit: int, epoch: int, behind: bytes) -> None:
    """A bit of a RESUME that is good turned over anywhere: session, epoch, offsets, flags, proof."""
    pair, _ = recorded()
    good = bytearray(pair[0].endpoint.offer(epoch))
    good[at] ^= 1 << bit
    attack(pair, bytes(good) + behind, epoch)
    goes_on(pair)


@QUICK
@given(data=st.binary(max_size=200), epoch=st.integers(3, 2**32 - 1))
def test_noise_opens_nothing(data: bytes, epoch: int) -> None:
    """With and without the head of a RESUME."""
    pair, _ = recorded()
    attack(pair, data, epoch)
    attack(pair, frames.frame(frames.RESUME, (data * 70 + bytes(69))[: frames.RESUME_BYTES]), epoch)
    goes_on(pair)


def test_a_stranger_with_a_key_of_his_own_opens_nothing() -> None:
    """He knows the session and the token, and agrees on a secret as a first wire would: too late for that."""
    pair, _ = recorded()
    stranger = Endpoint(SESSION, is_initiator=True, budget=Budget())
    attack(pair, stranger.offer(7), 7)
    goes_on(pair)
    assert pair[1].endpoint.epoch == 3


@QUICK
@given(epoch=st.integers(2, 2**32 - 1))
def test_an_epoch_that_jumps_is_a_proved_one(epoch: int) -> None:
    """The holder of the secret may skip epochs; nobody else can burn them for him."""
    pair, _ = recorded()
    attack(pair, frames.frame(frames.RESUME, bytes(frames.RESUME_BYTES)), epoch)
    if epoch > 2:
        connect(pair, epoch)
        settle(pair)
        assert pair[1].endpoint.epoch == epoch
        assert pair[1].endpoint.is_open
