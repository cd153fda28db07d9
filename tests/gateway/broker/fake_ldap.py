"""An LDAP server in a few lines (sansldap's own server side), to be slow, wrong and hostile on purpose."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import sansldap
from sansldap import LDAPResultCode as Code

from gateway.broker.locations import Location
from gateway.channel import Channel
from gateway.dial import connect
from gateway.errors import Refused


@dataclass
class FakeLdap:
    """Answers searches with `entries`, those for groups with `groups`; checks binds against `passwords`."""

    entries: dict[str, dict[str, list[bytes]]] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    bind_code: Code = Code.INVALID_CREDENTIALS
    search_code: Code = Code.SUCCESS
    referrals: int = 0
    is_silent: bool = False
    garbage: bytes = b""
    port: int = 0
    binds: list[tuple[str, str]] = field(default_factory=list)
    filters: list[str] = field(default_factory=list)
    refusal: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = sansldap.LDAPServer()
        with contextlib.suppress(sansldap.LDAPError, ConnectionError):
            while data := await reader.read(65_536):
                for message in session.receive(data):
                    self._answer(session, message)
                if self.garbage:
                    writer.write(self.garbage)
                elif not self.is_silent:
                    writer.write(session.data_to_send())
        writer.close()

    def _answer(self, session: sansldap.LDAPServer, message: sansldap.LDAPMessage) -> None:
        number = message.message_id
        if isinstance(message, sansldap.BindRequest):
            assert isinstance(message.authentication, sansldap.SimpleCredential)
            given = (message.name, message.authentication.password)
            self.binds.append(given)
            is_right = self.passwords.get(given[0]) == given[1]
            session.bind_response(number, result_code=Code.SUCCESS if is_right else self.bind_code)
        elif isinstance(message, sansldap.SearchRequest):
            wanted = str(message.filter)
            self.filters.append(wanted)
            groups: dict[str, dict[str, list[bytes]]] = {dn: {} for dn in self.groups}
            found = groups if "member=" in wanted else self.entries
            for dn, attributes in list(found.items())[: message.size_limit]:
                parts = [sansldap.PartialAttribute(name, values) for name, values in attributes.items()]
                session.search_result_entry(number, dn, parts)
            for _ in range(self.referrals):
                session.search_result_reference(number, ["ldap://elsewhere/dc=x"])
            has_more = len(found) > message.size_limit
            session.search_result_done(
                number, result_code=Code.SIZE_LIMIT_EXCEEDED if has_more else self.search_code
            )
        elif isinstance(message, sansldap.ExtendedRequest):
            session.extended_response(number, result_code=Code.PROTOCOL_ERROR)

    @contextlib.asynccontextmanager
    async def open(
        self, location: Location, host: str, port: int, *, seconds: float
    ) -> AsyncIterator[Channel]:
        """As `Reach.open`: a pipe to this server, or the refusal that it is told to give."""
        if self.refusal:
            raise Refused(self.refusal, "said so")
        channel = await connect("127.0.0.1", self.port, seconds=seconds)
        try:
            yield channel
        finally:
            channel.close()


@contextlib.asynccontextmanager
async def serving(fake: FakeLdap) -> AsyncIterator[FakeLdap]:
    """Listen on loopback inside the block."""
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
