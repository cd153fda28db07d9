"""Enrolment and renewal: a one-time token, later the certificate itself, buys the next certificate.

Talks to the broker's HTTPS API with the standard library, through the customer's proxy if there is one;
blocking, called in a thread.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.connector.credential import Credential, KeyRequest, certificate_end, new_key_request
from gateway.connector.outbound import Proxy, tunnel_through
from gateway.errors import ConfigError, Refused, Unreachable

TIMEOUT_SECONDS: Final = 10.0
MAX_ANSWER: Final = 256 * 1024

Post = Callable[[str, str, "Mapping[str, object]", ssl.SSLContext], "dict[str, Any]"]
"""(broker URL, path, JSON body, TLS context) -> JSON answer."""


def post_json(
    broker: str, path: str, body: Mapping[str, object], context: ssl.SSLContext, proxy: Proxy | None = None
) -> dict[str, Any]:
    """POST and return the JSON answer; `Refused` for a no, `Unreachable` when nobody answers."""
    parts = urlsplit(broker)
    if parts.scheme != "https" or not parts.hostname:
        raise ConfigError(f"broker: expected https://HOST:PORT, not {broker!r}")
    host, port = parts.hostname, parts.port or 443
    connection = http.client.HTTPSConnection(host, port, context=context, timeout=TIMEOUT_SECONDS)
    try:
        if proxy is not None:
            connection.sock = context.wrap_socket(_through(proxy, host, port), server_hostname=host)
        connection.request("POST", path, json.dumps(dict(body)), {"Content-Type": "application/json"})
        response = connection.getresponse()
        data = response.read(MAX_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"broker {broker}: {error}") from error
    finally:
        connection.close()
    return _read_answer(response.status, data)


def _through(proxy: Proxy, host: str, port: int) -> socket.socket:
    """Return TCP to `host:port` through the proxy."""
    plain = socket.create_connection((proxy.host, proxy.port), timeout=TIMEOUT_SECONDS)
    try:
        tunnel = tunnel_through(proxy, host, port)
        out, is_done = tunnel.begin(), False
        while not is_done:
            plain.sendall(out)
            data = plain.recv(MAX_ANSWER)
            if not data:
                raise ConnectionError("the proxy closed during its handshake")
            out, is_done = tunnel.receive(data)
    except BaseException:
        plain.close()
        raise
    return plain


def _read_answer(status: int, data: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise Refused("broker", f"the broker answered {status} without JSON")
    if status != 200:
        raise Refused(
            str(answer.get("code", status)), str(answer.get("text", f"the broker answered {status}"))
        )
    return answer


def enrol(
    broker: str, token: str, context: ssl.SSLContext, clock: Callable[[], float], post: Post = post_json
) -> Credential:
    """Spend the one-time token on a first credential."""
    key = new_key_request()
    answer = post(broker, "/connectors/enrol", {"token": token, "csr_pem": key.csr_pem}, context)
    return _credential(answer, broker, key, clock())


def renew(
    old: Credential, context: ssl.SSLContext, clock: Callable[[], float], post: Post = post_json
) -> Credential:
    """Return the next credential, with a new key; `context` presents the old one."""
    key = new_key_request()
    answer = post(old.broker, "/connectors/renew", {"csr_pem": key.csr_pem}, context)
    fresh = _credential(answer, old.broker, key, clock())
    if fresh.connector != old.connector or fresh.location != old.location:
        raise Refused("broker", "the broker renewed another connector's certificate")
    return fresh


def _credential(answer: dict[str, Any], broker: str, key: KeyRequest, now: float) -> Credential:
    try:
        return Credential(
            connector=str(answer["connector"]),
            location=str(answer["location"]),
            broker=broker,
            gateway_name=str(answer["gateway_name"]),
            pops=tuple(str(pop) for pop in answer["pops"]),
            key_pem=key.key_pem,
            cert_pem=str(answer["cert_pem"]),
            ca_pem=str(answer["ca_pem"]),
            renew_at=now + float(answer["renew_after_seconds"]),
            expires_at=certificate_end(str(answer["cert_pem"])),
            gateway_port=int(answer.get("gateway_port", 443)),
            vda=tuple(str(name) for name in answer.get("vda", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("broker", f"the broker's answer is incomplete: {error!r}") from error
