"""The agent's talk with its server: HTTPS, one connection, the server's certificate verified.

Knows the endpoints and what their errors mean, not what is checked. `AgentRefused` is the server's last word;
`Away` may be over the next time.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from collectors.errors import AgentRefused, FormError
from collectors.probe.agent import form, plans, report
from collectors.probe.agent.report import Report
from collectors.probe.plan import ProbePlan

SECONDS: Final = 10.0
"""For one request: a server that takes longer is away, and outcomes wait in the outbox."""
FINAL: Final = (401, 403)
"""When the server says them; what stands before it may say them, too, and says no reason of ours."""


UNREADABLE: Final = (400, 413)


class Away(Exception):
    """The server cannot be reached, or is not able to answer now; the text says why."""


class Link:
    """Asks one server. `credential` is sent with every request once it is set."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self._session, self._server = session, server.rstrip("/")
        self.credential = ""

    async def enrol(self, token: str, credential: str) -> str:
        """Have the token turned into this credential; return the agent's name.

        Raises `AgentRefused`, `Away`, `FormError`.
        """
        body = json.dumps({"token": token, "credential": credential}).encode()
        return _word(await self._ask("POST", "enrol", body), "name")

    async def plan(self) -> tuple[str, dict[str, ProbePlan]]:
        """Return the plan that holds now. Raises `AgentRefused`, `Away`, `FormError`."""
        text = await self._ask("GET", "plan")
        _word(text, "version")
        return plans.decode(text)

    async def send(self, what: Report) -> str:
        """Hand a report in; return the version of the plan that holds.

        Raises `AgentRefused`, `Away`, and `FormError` when the server cannot read it.
        """
        return _word(await self._ask("POST", "report", report.encode(what)), "plan")

    async def _ask(self, method: str, what: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self.credential}"} if self.credential else {}
        url = f"{self._server}/probe/v1/agent/{what}"
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                text = await answer.read()
        except aiohttp.ClientConnectorCertificateError as error:
            raise Away(f"the server's certificate: {error.certificate_error}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Away(str(error) or type(error).__name__) from None
        if answer.status == 200:
            return text
        said = _said(text)
        if said and answer.status in FINAL:
            raise AgentRefused(said)
        if said and answer.status in UNREADABLE:
            raise FormError(said)
        raise Away(said or f"HTTP status {answer.status}")


@asynccontextmanager
async def linked(server: str, authorities: Path | None) -> AsyncIterator[Link]:
    """Hold a link inside the block. `authorities`: a PEM file in place of what this machine trusts.

    Raises `OSError` (`ssl.SSLError` among them) for a file that cannot be used.
    """
    context = ssl.create_default_context(cafile=str(authorities) if authorities else None)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=1),
        timeout=aiohttp.ClientTimeout(total=SECONDS),
        trust_env=False,
    ) as session:
        yield Link(session, server)


def _word(text: bytes, name: str) -> str:
    """Return one text of an answer; an answer that is none comes from something before the server."""
    try:
        return form.text(form.parse(text, "answer").get(name), name, 64)
    except FormError as error:
        raise Away(str(error)) from None


def _said(text: bytes) -> str:
    try:
        value: Any = json.loads(text)
    except ValueError:
        return ""
    said = value.get("error") if isinstance(value, dict) else None
    return said[:500] if isinstance(said, str) else ""
