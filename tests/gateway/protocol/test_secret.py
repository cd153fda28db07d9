"""The agreement on the resume secret."""

from __future__ import annotations

from gateway.protocol.secret import ACCEPTOR, INITIATOR, ResumeSecret


def agreed() -> tuple[ResumeSecret, ResumeSecret]:
    client, connector = ResumeSecret(INITIATOR, bytes(16)), ResumeSecret(ACCEPTOR, bytes(16))
    assert connector.accept_share(client.share)
    assert client.accept_share(connector.share)
    return client, connector


def test_both_ends_prove_the_same_secret() -> None:
    """Over exactly the fields, and in their own role: a reflected proof is none."""
    client, connector = agreed()
    proof = client.prove(b"fields")
    assert connector.is_proved(b"fields", proof)
    assert not connector.is_proved(b"other", proof)
    assert not client.is_proved(b"fields", proof)
    assert client.is_proved(b"fields", connector.prove(b"fields"))


def test_nothing_is_proved_before_the_agreement() -> None:
    """Not even by a proof under an empty key."""
    client = ResumeSecret(INITIATOR, bytes(16))
    assert not client.is_agreed
    assert not client.is_proved(b"x", ResumeSecret(ACCEPTOR, bytes(16)).prove(b"x"))


def test_only_the_same_key_may_come_again_and_only_at_first() -> None:
    """Another public key, or any after the confirmation, is refused; so is a degenerate one."""
    client, connector = agreed()
    assert connector.accept_share(client.share)
    assert not connector.accept_share(ResumeSecret(INITIATOR, bytes(16)).share)
    connector.confirmed = True
    assert not connector.accept_share(client.share)
    assert not ResumeSecret(ACCEPTOR, bytes(16)).accept_share(bytes(32))


def test_the_session_is_part_of_the_secret() -> None:
    """The same keys in another session agree on another secret."""
    client, connector = ResumeSecret(INITIATOR, bytes(16)), ResumeSecret(ACCEPTOR, b"x" * 16)
    assert connector.accept_share(client.share)
    assert client.accept_share(connector.share)
    assert not connector.is_proved(b"f", client.prove(b"f"))
