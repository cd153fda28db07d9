"""Asks the brokers (STAs) what a ticket opens; the first one that does not call it foreign decides.

JSON over HTTPS with the POP's certificate, on kept connections. A ticket names its STA; who redeemed one of
that STA before is asked first. A broker that does not answer in time is asked last for a while. A request
that may have reached a broker is not repeated there: a ticket is spent by the first redeem, and a second one
would be told that it is used.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import GatewayError, Refused
from gateway.identity import host_name
from gateway.pop.http import HttpPeer
from gateway.protocol.codes import CloseCode, from_name
from gateway.protocol.control import is_session
from gateway.protocol.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Grant:
    """What a ticket opens. `resume_token` is empty for sessions that cannot be resumed.

    `has_agent`: an agent of this very VDA has a control channel, perhaps at another POP.
    """

    session: str
    user: str
    tenant: str
    location: str
    resource: str
    host: str
    port: int
    idle_seconds: int
    max_seconds: int
    resume_token: str = ""
    has_agent: bool = False


class Redeemer:
    """The brokers in order of preference."""

    def __init__(
        self,
        pop: str,
        brokers: Sequence[HttpPeer],
        *,
        seconds: float,
        bypass_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._pop, self._seconds, self._bypass_seconds, self._clock = pop, seconds, bypass_seconds, clock
        self._brokers = brokers
        self._shunned_until = dict.fromkeys(brokers, float("-inf"))
        self._of_sta: dict[str, HttpPeer] = {}
        """Who redeemed a ticket of the STA last; genuine tickets only, so no more than there are STAs."""

    async def redeem(self, ticket: Ticket) -> Grant:
        """Spend a ticket; `Refused` carries the broker's code.

        `client_ticket_foreign` when every broker says so, `broker_unreachable` when one that may know better
        did not answer.
        """
        body = json.dumps({"ticket": str(ticket), "pop": self._pop}).encode()
        refusal = Refused(CloseCode.CLIENT_TICKET_FOREIGN if self._brokers else CloseCode.BROKER_UNREACHABLE)
        for broker in self._in_order(ticket.sta):
            try:
                async with asyncio.timeout(self._seconds):
                    status, answer = await broker.request("POST", "/sta/redeem", body)
            except (GatewayError, TimeoutError):
                status, answer = 599, b""
            if status >= 500:
                self._shunned_until[broker] = self._clock() + self._bypass_seconds
                refusal = Refused(CloseCode.BROKER_UNREACHABLE)
                continue
            try:
                grant = _read(status, answer)
            except Refused as error:
                if error.code != CloseCode.CLIENT_TICKET_FOREIGN:
                    raise
            else:
                self._of_sta[ticket.sta] = broker
                return grant
        raise refusal

    def _in_order(self, sta: str) -> list[HttpPeer]:
        now, known = self._clock(), self._of_sta.get(sta)
        return sorted(self._brokers, key=lambda one: (self._shunned_until[one] > now, one is not known))


def _read(status: int, body: bytes) -> Grant:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise Refused(CloseCode.BROKER_INTERNAL, f"the broker answered {status} without JSON")
    if status == 401:
        raise Refused(CloseCode.BROKER_REFUSED, str(fields.get("text", ""))[:200])
    if status != 200:
        raise Refused(from_name(str(fields.get("code", "broker_other"))), str(fields.get("text", ""))[:200])
    try:
        return _grant(fields)
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(CloseCode.BROKER_INTERNAL, f"the broker's answer is incomplete: {error!r}") from None


def _grant(fields: dict[str, Any]) -> Grant:
    host, colon, port = str(fields["target"]).rpartition(":")
    limits = fields.get("limits", {})
    if not colon or not host or not is_session(str(fields["session"])):
        raise ValueError("target or session")
    return Grant(
        session=str(fields["session"]),
        user=str(fields["user"]),
        tenant=str(fields["tenant"]),
        location=str(fields["location"]),
        resource=str(fields["resource"]),
        host=host_name(host),
        port=int(port),
        idle_seconds=int(limits.get("idle_seconds", 0)),
        max_seconds=int(limits.get("max_seconds", 0)),
        resume_token=str(fields.get("resume_token") or ""),
        has_agent=fields.get("agent") is True,
    )
