"""Asks the brokers (STAs) what a ticket opens; the first that answers decides, whatever its answer.

JSON over HTTPS with the POP's certificate, on kept connections. A broker that does not answer in time is
asked last for a while. A request that may have reached a broker is not repeated there: a ticket is spent
by the first redeem, and a second one would be told that it is used.
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

    async def redeem(self, ticket: str) -> Grant:
        """Spend a ticket; `Refused` carries the broker's code, or `broker_unreachable`."""
        body = json.dumps({"ticket": ticket, "pop": self._pop}).encode()
        for broker in sorted(self._brokers, key=lambda broker: self._shunned_until[broker] > self._clock()):
            try:
                async with asyncio.timeout(self._seconds):
                    status, answer = await broker.request("POST", "/sta/redeem", body)
            except (GatewayError, TimeoutError):
                status, answer = 599, b""
            if status < 500:
                return _read(status, answer)
            self._shunned_until[broker] = self._clock() + self._bypass_seconds
        raise Refused(CloseCode.BROKER_UNREACHABLE)


def _read(status: int, body: bytes) -> Grant:
    try:
        fields = json.loads(body)
    except ValueError:
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
