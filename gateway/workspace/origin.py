"""Whether a form was sent by our own page: what keeps other sites from acting for a user (CSRF).

Two proofs. The browser's word about where the request comes from, which covers the login form too; and
for one who is logged in a token that only our pages held. SameSite=Strict on the cookie stands before both.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

PURPOSE: Final = b"workspace form"


def is_ours(headers: Mapping[str, str]) -> bool:
    """Say whether the browser sent the form from a page of this very host and port.

    Every browser sends `Origin` with a form's POST (Fetch, "append a request Origin header"), so a request
    with neither it nor `Sec-Fetch-Site` is nobody's form.
    """
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site is not None and site != "same-origin":
        return False
    if origin is None:
        return site is not None
    return origin.lower() == f"https://{headers.get('Host', '').lower()}"


def form_token(secret: str) -> str:
    """Return the token for the forms of the login with this secret."""
    return hmac.digest(secret.encode(), PURPOSE, hashlib.sha256).hex()


def is_form_token(text: str, secret: str) -> bool:
    """Say whether a form carried the token, in a time that tells nothing about it."""
    return hmac.compare_digest(text.encode("utf-8", "replace"), form_token(secret).encode())
