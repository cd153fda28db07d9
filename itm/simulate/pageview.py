"""Page views played from here: they ask the public listener for their sessions and report, like any
browser's.

Nothing is bypassed: budgets hold and tokens count. Who plays which client stands in X-Forwarded-For, which
the server must be set to believe (`public.trusted_proxies`).
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from itm.errors import ItmError, Refused

TIMEOUT_SECONDS = 30.0


class PageViews:
    """Speaks to the public listener at `listen` (`127.0.0.1:8080`)."""

    def __init__(self, listen: str) -> None:
        self._base = f"http://{listen}/rum/v1/"

    def session(self, address: str) -> list[dict[str, str]]:
        """Return the probes planned for a client at `address`, each with `pop` and `token`; [] for none.

        Raises `Refused` when the server says no, or does not answer.
        """
        text = self._post("session", address, b"{}")
        probes: list[dict[str, str]] = json.loads(text)["probes"] if text else []
        return probes

    def report(self, address: str, items: Sequence[dict[str, Any]]) -> None:
        """Send one beacon as a client at `address`; raises `ItmError` when a measurement of it is refused."""
        text = self._post("beacon", address, json.dumps(list(items)).encode())
        refused = json.loads(text).get("refused") if text else None
        if refused:
            raise ItmError(f"the server refused measurements of {address}: {refused}")

    def _post(self, path: str, address: str, body: bytes) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the server's own public listener
            self._base + path,
            data=body,
            headers={"Content-Type": "application/json", "X-Forwarded-For": address},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
                text: bytes = response.read()
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")
            raise Refused(error.code, f"{request.full_url}: {reason}") from error
        except OSError as error:
            reason = f"{request.full_url}: {error}: is `itm serve` running?"
            raise Refused(503, reason) from error
        return text
