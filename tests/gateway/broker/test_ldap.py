from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
import sansldap
from hypothesis import given
from hypothesis import strategies as st
from sansldap import LDAPResultCode as Code

from gateway.broker import ldap as module
from gateway.broker.ldap import Entry, Ldap
from gateway.dial import connect
from gateway.errors import Lost
from tests.gateway.broker.fake_ldap import FakeLdap, serving

T = TypeVar("T")
ANN = "uid=ann,dc=x"


def talk(fake: FakeLdap, say: Callable[[Ldap], Awaitable[T]]) -> T:
    """Hold one conversation with a fake server."""

    async def story() -> T:
        async with serving(fake):
            pipe = await connect("127.0.0.1", fake.port, seconds=5)
            try:
                async with asyncio.timeout(5):
                    return await say(Ldap(pipe))
            finally:
                pipe.close()

    return asyncio.run(story())


def test_bind_tells_right_from_wrong() -> None:
    """None is right; a text is what the directory says of the password."""

    async def say(ldap: Ldap) -> tuple[str | None, str | None]:
        return await ldap.bind(ANN, "sesame"), await ldap.bind(ANN, "nonsense")

    assert talk(FakeLdap(passwords={ANN: "sesame"}), say) == (None, "invalid_credentials")


@pytest.mark.parametrize("code", module.WRONG)
def test_what_speaks_of_who_binds(code: Code) -> None:
    """Locked, expired, refused: the directory answered."""
    assert talk(FakeLdap(bind_code=code), lambda ldap: ldap.bind(ANN, "x")) == code.name.lower()


@pytest.mark.parametrize("code", [Code.BUSY, Code.UNAVAILABLE, Code.CONFIDENTIALITY_REQUIRED, Code.REFERRAL])
def test_what_speaks_of_the_directory(code: Code) -> None:
    """It is no answer about the password, and a referral is not followed."""
    with pytest.raises(Lost, match=code.name.lower()):
        talk(FakeLdap(bind_code=code), lambda ldap: ldap.bind(ANN, "x"))


@pytest.mark.parametrize(("dn", "password"), [("", "x"), (ANN, ""), ("", "")])
def test_nothing_is_bound_with_half_of_it(dn: str, password: str) -> None:
    """An unauthenticated bind would succeed (RFC 4513 5.1.2); it is never sent."""
    fake = FakeLdap(passwords={ANN: "", "": "x"})
    with pytest.raises(ValueError, match="needs a name and a password"):
        talk(fake, lambda ldap: ldap.bind(dn, password))
    assert fake.binds == []


def test_a_search_brings_entries_and_leaves_referrals() -> None:
    """Attribute names in lower case; references to other servers are passed over."""
    fake = FakeLdap({ANN: {"UID": [b"ann"]}}, referrals=3)
    assert talk(fake, lambda ldap: ldap.search("dc=x", "(uid=ann)", ("uid",), most=2)) == (
        Entry(ANN, {"uid": (b"ann",)}),
    )
    assert fake.filters == ["(uid=ann)"]


def test_a_search_is_bounded() -> None:
    """More than asked for is cut, whether the directory keeps to the limit or not."""
    fake = FakeLdap({f"uid={n}": {} for n in range(9)})
    assert len(talk(fake, lambda ldap: ldap.search("dc=x", "(uid=*)", (), most=2))) == 2
    with pytest.raises(Lost, match="busy"):
        talk(FakeLdap(search_code=Code.BUSY), lambda ldap: ldap.search("dc=x", "(uid=*)", (), most=2))


def test_an_answer_that_never_ends_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes, however they are framed."""
    monkeypatch.setattr(module, "MOST_ANSWER_BYTES", 1000)
    fake = FakeLdap({"uid=big": {"photo": [bytes(5000)]}})
    with pytest.raises(Lost, match="too long"):
        talk(fake, lambda ldap: ldap.search("dc=x", "(uid=*)", (), most=2))


@given(st.binary(min_size=1, max_size=80))
def test_garbage_is_a_loss_and_nothing_worse(garbage: bytes) -> None:
    """Whatever the directory sends instead of an answer."""
    session = Ldap(None)  # type: ignore[arg-type]
    session._session.bind_simple(ANN, "x")
    try:
        answers = session._receive(garbage)
    except Lost:
        return
    assert all(isinstance(each, sansldap.LDAPMessage) for each in answers)


def test_a_directory_without_start_tls_hears_nothing_more() -> None:
    """Its no ends the conversation: no password in clear."""
    fake = FakeLdap(passwords={ANN: "sesame"})
    context = ssl.create_default_context()
    with pytest.raises(Lost, match="StartTLS: protocol_error"):
        talk(fake, lambda ldap: ldap.start_tls(context, "dc1", seconds=1))
    assert fake.binds == []
