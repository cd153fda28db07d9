"""One LDAP conversation (RFC 4511) over a pipe: StartTLS, simple bind, search. The messages are sansldap's.

Every answer is bounded in bytes, entries and, by the caller's `asyncio.timeout`, in time. Referrals are not
chased: they would lead to servers that nobody allowed. Knows nothing of users, groups or logins.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import sansldap
from sansldap import LDAPResultCode as Code

from gateway.channel import Channel
from gateway.errors import Lost
from gateway.innertls import InnerTls

START_TLS: Final = "1.3.6.1.4.1.1466.20037"  # RFC 4511 4.14
NO_ATTRIBUTES: Final = "1.1"  # RFC 4511 4.5.1.8
MOST_ANSWER_BYTES: Final = 1 << 20
SEARCH_SECONDS: Final = 5
"""What a directory is told to spend on one search."""

WRONG: Final = (
    Code.INVALID_CREDENTIALS,
    Code.INAPPROPRIATE_AUTHENTICATION,
    Code.NO_SUCH_OBJECT,
    Code.INVALID_DN_SYNTAX,
    Code.CONSTRAINT_VIOLATION,
    Code.INSUFFICIENT_ACCESS_RIGHTS,
    Code.UNWILLING_TO_PERFORM,
)
"""A bind's results that speak of who binds: wrong, locked, expired. All others are the directory's."""


class Wire(Protocol):
    """Bytes to and from the directory."""

    async def read(self) -> bytes:
        """Return what came, b"" at the end."""

    async def write(self, data: bytes) -> None:
        """Send."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A found entry; attribute names in lower case (RFC 4512 2.5: they have no case)."""

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]]


class Ldap:
    """The client's side of a conversation; one request at a time. `Lost` for whatever goes wrong with it."""

    def __init__(self, pipe: Channel) -> None:
        self._pipe = pipe
        self._wire: Wire = pipe
        self._session = sansldap.LDAPClient()

    async def secure(self, context: ssl.SSLContext, server_name: str, *, seconds: float) -> None:
        """Begin TLS to the directory; `context` says whom to trust, the certificate must name the server."""
        self._wire = await InnerTls.open(self._pipe, context, server_name, seconds=seconds)

    async def start_tls(self, context: ssl.SSLContext, server_name: str, *, seconds: float) -> None:
        """Ask for TLS on this connection (RFC 4511 4.14), then begin it; a no is `Lost`: nothing in clear."""
        *_, answer = await self._exchange(self._session.extended_request(START_TLS))
        if not isinstance(answer, sansldap.ExtendedResponse) or answer.result.result_code != Code.SUCCESS:
            raise Lost(f"StartTLS: {_said(answer)}")
        await self.secure(context, server_name, seconds=seconds)

    async def bind(self, dn: str, password: str) -> str | None:
        """Bind by name and password; None when they are right, else what the directory says of them.

        Neither may be empty: RFC 4513 5.1.2, an unauthenticated bind succeeds without proving anything.
        """
        if not dn or not password:
            raise ValueError("a bind needs a name and a password")
        *_, answer = await self._exchange(self._session.bind_simple(dn, password))
        if not isinstance(answer, sansldap.BindResponse):
            raise Lost(f"the directory answered a bind with {type(answer).__name__}")
        if answer.result.result_code == Code.SUCCESS:
            return None
        if answer.result.result_code in WRONG:
            return _said(answer)
        raise Lost(f"bind: {_said(answer)}")

    async def search(
        self, base: str, wanted: str, attributes: tuple[str, ...], *, most: int
    ) -> tuple[Entry, ...]:
        """Return entries below `base` that fit the RFC 4515 filter: all, or the first `most` of more."""
        number = self._session.search_request(
            base,
            size_limit=most,
            time_limit=SEARCH_SECONDS,
            filter=sansldap.LDAPFilter.from_string(wanted),
            attributes=list(attributes) or [NO_ATTRIBUTES],
        )
        *found, done = await self._exchange(number)
        entries = [_entry(each) for each in found if isinstance(each, sansldap.SearchResultEntry)]
        result = done.result.result_code if isinstance(done, sansldap.SearchResultDone) else None
        has_more = result == Code.SIZE_LIMIT_EXCEEDED and len(entries) >= most
        if result != Code.SUCCESS and not has_more:
            raise Lost(f"search: {_said(done)}")
        return tuple(entries[:most])

    async def unbind(self) -> None:
        """Say that this is the end."""
        self._session.unbind()
        await self._wire.write(self._session.data_to_send())

    async def _exchange(self, number: int) -> list[sansldap.LDAPMessage]:
        """Send what is queued; return the answers to this message, the final one last."""
        await self._wire.write(self._session.data_to_send())
        answers: list[sansldap.LDAPMessage] = []
        size = 0
        while not answers or isinstance(
            answers[-1], sansldap.SearchResultEntry | sansldap.SearchResultReference
        ):
            data = await self._wire.read()
            size += len(data)
            if not data or size > MOST_ANSWER_BYTES:
                raise Lost(
                    "the directory closed the connection"
                    if not data
                    else "the directory's answer is too long"
                )
            answers += [each for each in self._receive(data) if each.message_id == number]
        return answers

    def _receive(self, data: bytes) -> list[sansldap.LDAPMessage]:
        try:
            return self._session.receive(data)
        except (sansldap.LDAPError, ValueError, LookupError, OverflowError, RecursionError) as error:
            raise Lost(f"the directory broke the protocol: {error}") from error


def _entry(found: sansldap.SearchResultEntry) -> Entry:
    return Entry(found.object_name, {each.name.lower(): tuple(each.values) for each in found.attributes})


def _said(answer: sansldap.LDAPMessage) -> str:
    result = getattr(answer, "result", None)
    if not isinstance(result, sansldap.LDAPResult):
        return f"answered with {type(answer).__name__}"
    return f"{result.result_code.name.lower()} {result.diagnostics_message[:200]}".strip()
