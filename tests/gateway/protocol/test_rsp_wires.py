"""The resumable stream under hostile wires: whatever happens, the stream arrives exactly, once."""

from __future__ import annotations

import hashlib

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.protocol.budget import FLOOR, Budget
from gateway.protocol.errors import ProtocolError
from gateway.protocol.rspevents import Reset
from tests.gateway.protocol.wires import End, Wire, ends, settle

SIDES = st.sampled_from((0, 1))
SIZES = st.one_of(st.integers(1, 40), st.integers(1, 5000), st.integers(1, 200_000))
STREAMS = tuple(hashlib.shake_128(bytes((side,))).digest(8_000_000) for side in (0, 1))
"""What the two applications write: no two places are alike."""


class HostileWires(RuleBasedStateMachine):
    """Two endpoints; wires that cut anywhere, lose what is under way, and deliver late."""

    pair: tuple[End, End] | None = None

    @initialize(total=st.integers(0, 4 * FLOOR))
    def begin(self, total: int) -> None:
        self.budgets = (Budget(total), Budget())
        self.pair = ends(*self.budgets)
        self.wires: list[Wire] = []
        self.dead: set[tuple[int, int]] = set()
        self.limits = [0, 0]
        self.epoch = 0
        self.client_dials()
        self.wires_carry(rounds=3, size=1 << 20)

    # --- applications ---

    @rule(side=SIDES, sizes=st.lists(SIZES, min_size=1, max_size=6))
    def application_writes(self, side: int, sizes: list[int]) -> None:
        end = self.pair[side]
        for size in sizes:
            end.send(STREAMS[side][len(end.sent) : len(end.sent) + size])

    @rule(side=SIDES)
    def application_writes_what_fits(self, side: int) -> None:
        self.application_writes(side, [65536] * 12)

    @precondition(lambda self: self.epoch > 4)
    @rule(side=SIDES)
    def application_finishes(self, side: int) -> None:
        self.pair[side].endpoint.finish()

    @rule(side=SIDES, size=SIZES)
    def application_accepts(self, side: int, size: int) -> None:
        self.pair[side].consume(size)

    @rule(side=SIDES)
    def application_accepts_all(self, side: int) -> None:
        self.pair[side].consume()

    @rule(side=SIDES)
    def timer_fires(self, side: int) -> None:
        self.pair[side].endpoint.flush()
        self.pair[side].endpoint.ping(self.epoch)

    # --- wires ---

    @rule()
    def client_dials(self) -> None:
        """A wire in place of the current one; the connector learns of it when its first bytes arrive."""
        self.epoch += 1
        self.wires = [*self.wires[-3:], Wire(self.epoch)]
        self.pair[0].endpoint.connected(self.epoch)

    @rule()
    def client_tries_a_second_wire(self) -> None:
        """The current wire goes on meanwhile."""
        self.epoch += 1
        self.wires = [*self.wires[-3:], Wire(self.epoch)]
        self.wires[-1].pipes[0].extend(self.pair[0].endpoint.offer(self.epoch))

    @rule(side=SIDES, most=SIZES)
    def endpoint_writes(self, side: int, most: int) -> None:
        for wire in self.wires:
            data = self.pair[side].endpoint.take(most, wire.epoch)
            if (wire.epoch, side) not in self.dead:
                wire.pipes[side].extend(data)

    @rule(side=SIDES, size=SIZES, which=st.integers(0, 3))
    def wire_delivers(self, side: int, size: int, which: int) -> None:
        """Any of the last wires, the current or an older one, delivers some of what it holds."""
        wire = self.wires[-1 - which % len(self.wires)]
        pipe, receiver = wire.pipes[side], self.pair[1 - side]
        if wire.epoch > receiver.endpoint.epoch:
            if receiver.endpoint.has_greeting(pipe):
                try:
                    receiver.take_events(receiver.endpoint.adopt(bytes(pipe), wire.epoch))
                except ProtocolError:  # the RESUME of a wire that was offered before the secret was proved
                    self.dead |= {(wire.epoch, 0), (wire.epoch, 1)}
                pipe.clear()
            return
        receiver.receive(bytes(pipe[:size]), wire.epoch)
        del pipe[:size]

    @rule(rounds=st.integers(1, 4), size=SIZES, keeps_up=st.booleans())
    def wires_carry(self, rounds: int, size: int, keeps_up: bool = False) -> None:
        """Time passes: a few turns each way."""
        for _ in range(rounds):
            for side in (0, 1):
                self.endpoint_writes(side, 1 << 18)
                for which in range(len(self.wires)):
                    self.wire_delivers(side, size, which)
                if keeps_up:
                    self.pair[1 - side].consume()
                    self.pair[1 - side].endpoint.flush()

    @rule(sizes=st.lists(SIZES, min_size=1, max_size=4), arrives=SIZES)
    def client_moves_under_load(self, sizes: list[int], arrives: int) -> None:
        """Make before break: the old wire delivers on after the offer, so that its RESUME is out of date."""
        for side in (0, 1):
            self.application_writes(side, sizes)
            self.endpoint_writes(side, 1 << 18)
        self.client_tries_a_second_wire()
        for which in range(1, len(self.wires)):
            self.wire_delivers(1, arrives, which)
            self.pair[0].consume()
            self.endpoint_writes(0, 1 << 18)
            self.wire_delivers(0, arrives, which)
        self.wires_carry(rounds=3, size=1 << 20, keeps_up=True)

    @rule(side=SIDES, kept=st.one_of(st.just(0), SIZES))
    def wire_dies(self, side: int, kept: int) -> None:
        """One side notices; of what is under way to the other only the beginning still arrives."""
        wire = self.wires[-1]
        for writer in (0, 1):
            del wire.pipes[writer][kept:]
            self.dead.add((wire.epoch, writer))
        self.pair[side].endpoint.lost(wire.epoch)

    # --- laws ---

    @invariant()
    def nothing_is_wrong(self) -> None:
        for index, sender in enumerate(self.pair or ()):
            receiver, budget = self.pair[1 - index], self.budgets[index]
            assert sender.sent.startswith(receiver.got)
            assert not any(isinstance(event, Reset) for event in receiver.events), receiver.events
            assert receiver.finished <= 1
            assert 0 <= budget.lent_bytes <= budget.total_bytes
            kept = sum(map(len, (*sender.endpoint._out._written, *sender.endpoint._out._waiting)))
            assert sender.endpoint.outstanding <= kept <= FLOOR + budget.total_bytes + 65536
            assert sender.endpoint._in.limit >= self.limits[index]
            self.limits[index] = sender.endpoint._in.limit

    def teardown(self) -> None:
        """On a wire that holds, everything arrives and both sides know that it ended."""
        if self.pair is None:
            return
        for end in self.pair:
            end.endpoint.finish()
            end.endpoint.connected(self.epoch + 1)
        settle(self.pair)
        self.nothing_is_wrong()
        for sender, receiver in (self.pair, self.pair[::-1]):
            assert receiver.got == sender.sent
            assert receiver.finished == 1
            assert receiver.endpoint.is_complete


TestHostileWires = HostileWires.TestCase
TestHostileWires.settings = settings(
    max_examples=150,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
