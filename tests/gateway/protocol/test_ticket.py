"""Tickets as text."""

from __future__ import annotations

import pytest

from gateway.protocol.codes import CloseCode
from gateway.protocol.errors import ProtocolError
from gateway.protocol.ticket import Ticket, generate, parse

VALUE = "6C0EE48D2E8CADFEE6D1EB93BFB52A57"


def test_the_text_form_is_read_and_written() -> None:
    """The form of a launch file's Address."""
    text = f";40;STA475DE9C8ABDA;{VALUE}"
    assert parse(text) == Ticket(40, "STA475DE9C8ABDA", VALUE)
    assert str(parse(text)) == text


def test_the_name_form_survives_any_case() -> None:
    """For programs that insist on a host name."""
    ticket = Ticket(40, "STA1", VALUE)
    name = ticket.name("sta.example.net")
    assert name == f"t-{VALUE.lower()}.sta1.sta.example.net"
    assert parse(name) == parse(name.upper()) == parse(name.partition(".sta.")[0]) == ticket


@pytest.mark.parametrize(
    "text",
    [
        "",
        f";41;STA1;{VALUE}",
        f";40;;{VALUE}",
        f";40;STA1;{VALUE[:29]}",
        f";40;STA1;{VALUE}0",
        f";40;STA1;{VALUE.lower()}",
        f";40;ST/1;{VALUE}",
        f";40;STA1;{VALUE}\n",
        f"t-{VALUE}",
        f";40;STA1;{VALUE[:-1]}É",
        "www.example.net",
    ],
)
def test_anything_else_is_malformed(text: str) -> None:
    """Nothing that is not a ticket reaches an STA."""
    with pytest.raises(ProtocolError) as refused:
        parse(text)
    assert refused.value.code is CloseCode.CLIENT_TICKET_MALFORMED


def test_a_new_ticket_is_160_bits_of_the_given_randomness() -> None:
    """And is not shown by repr."""
    ticket = generate("STA1", lambda size: bytes(range(size)))
    assert parse(str(ticket)) == ticket
    assert len(ticket.value) == 32
    assert ticket.value not in repr(ticket)
    assert ticket.fingerprint in repr(ticket)
