"""Asks the broker that runs on a state directory, for what only the running one can do."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
from typing import Any, Final

from gateway.broker.config import parse_listen
from gateway.broker.desk import Desk
from gateway.errors import Refused, Unreachable

SECONDS: Final = 30.0
ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to dial, not to listen


def ask(desk: Desk, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON answer to a POST; `Refused` carries the broker's no, `Unreachable`: none runs."""
    host, port = parse_listen("listen", desk.settings.listen)
    name = desk.settings.names[0]
    context = ssl.create_default_context(cadata=desk.authority.ca_pem)
    headers = {"Authorization": f"Bearer {desk.operator_key}", "Content-Type": "application/json"}
    try:
        with contextlib.closing(http.client.HTTPConnection(name, port)) as connection:
            plain = socket.create_connection((ANY.get(host, host), port), timeout=SECONDS)
            connection.sock = context.wrap_socket(plain, server_hostname=name)
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            status, answer = response.status, json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(f"no broker answers at {desk.settings.listen}: {error}") from error
    if status != 200:
        raise Refused(str(answer["code"]), f"{answer['code']}: {answer['text']}")
    return dict(answer)
