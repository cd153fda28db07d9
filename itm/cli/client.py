"""The CLI's side of the ops API: JSON over HTTP with the token that first start wrote to the state directory.

Only the standard library. An answer with an error status becomes `Refused`, and so does an absent server. The
token goes to the server named and nowhere else: neither proxies nor redirects are followed.
"""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

from itm.cli import settings
from itm.errors import ConfigError, Refused

TIMEOUT_SECONDS = 30.0
TOKEN_FILE = "ops.token"  # noqa: S105  a file name


class OpsClient:
    """Asks one server. `token_file` is read at each change, so that a new token counts at once."""

    def __init__(self, base_url: str, token_file: Path | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.token_file = token_file

    def get(self, path: str, **query: str | int | None) -> Any:
        """Return the JSON value at `path`. Raises `Refused`."""
        given = {name: value for name, value in query.items() if value is not None}
        where = f"{path}?{urllib.parse.urlencode(given)}" if given else path
        return self._ask("GET", where, headers=self._authorization(required=False))

    def post(self, path: str, body: object) -> Any:
        """Send JSON; return the JSON answer, None for an empty one. Raises `Refused`."""
        return self.send("POST", path, json.dumps(body).encode(), "application/json")

    def delete(self, path: str) -> Any:
        """Delete what is at `path`. Raises `Refused`."""
        return self._ask("DELETE", path, headers=self._authorization())

    def send(self, method: str, path: str, body: bytes, content_type: str) -> Any:
        """Send bytes of a stated type with the token; return the JSON answer. Raises `Refused`."""
        headers = {"Content-Type": content_type, **self._authorization()}
        return self._ask(method, path, body, headers)

    def _authorization(self, *, required: bool = True) -> Mapping[str, str]:
        if self.token_file is None:
            return {}
        try:
            token = self.token_file.read_text().strip()
        except OSError as error:
            if not required:
                return {}
            text = f"{self.token_file}: {error.strerror}: name a token with --token-file"
            raise Refused(401, text) from error
        return {"Authorization": f"Bearer {token}"}

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        request = urllib.request.Request(  # noqa: S310  the operator names the server
            self.base_url + path, data=body, headers=dict(headers or {}), method=method
        )
        try:
            with _open(request, timeout=TIMEOUT_SECONDS) as response:
                text = response.read()
            return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            raise Refused(error.code, _reason(error.code, text), _json(text)) from error
        except (OSError, HTTPException) as error:
            cause = getattr(error, "reason", error)
            raise Refused(
                503, f"no answer from {self.base_url} ({cause}): is `itm serve` running?"
            ) from error
        except ValueError as error:
            raise Refused(502, f"{self.base_url}{path}: not a JSON answer") from error


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which server is meant."""
    settings.configure(parser)
    parser.add_argument("--server", metavar="URL", help="the ops API (default: ops.listen of the settings)")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help=f"default: {TOKEN_FILE} in the state")


def client_of(args: argparse.Namespace) -> OpsClient:
    """Return the client for the options. Raises `ConfigError`."""
    config = settings.config_of(args)
    base_url = args.server or f"http://{config.ops.listen}"
    if urllib.parse.urlsplit(base_url).scheme not in {"http", "https"}:
        raise ConfigError(f"--server: expected http://… or https://…, got {base_url}")
    return OpsClient(base_url, args.token_file or config.state_dir / TOKEN_FILE)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an error: it could carry the token to another host."""

    def redirect_request(self, *_: object) -> None:
        """Follow none."""


_open = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects()).open


def _reason(status: int, text: bytes) -> str:
    body = _json(text)
    if not isinstance(body, dict):
        return text.decode(errors="replace").strip() or f"HTTP status {status}"
    reasons = body.get("reasons") or [body.get("error", f"HTTP status {status}")]
    return "\n".join(map(str, reasons))


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
