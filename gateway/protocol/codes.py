"""The closed list of reasons for which anything in the gateway ends.

A code's name starts with the party at fault: `client_`, `pop_`, `broker_`, `connector_` or `vda_`. Codes
travel by name in JSON and by number on binary wires; the number's hundreds are the party, so that an old
program can still blame the right one when a newer peer sends a number it does not know.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class CloseCode(StrEnum):
    """Why a wire, a launch or a session ended. The value is the name that JSON, logs and metrics carry."""

    CLIENT_CLOSED = ("client_closed", 100, "the client ended the session")
    CLIENT_GONE = ("client_gone", 101, "the client went away and did not come back in time")
    CLIENT_PROTOCOL = ("client_protocol", 102, "the client broke the protocol")
    CLIENT_UNKNOWN_PROTOCOL = (
        "client_unknown_protocol",
        103,
        "the first bytes belong to no protocol spoken here",
    )
    CLIENT_PREAMBLE_TIMEOUT = ("client_preamble_timeout", 104, "the client was too slow to say what it wants")
    CLIENT_HANDSHAKE_TIMEOUT = ("client_handshake_timeout", 105, "the TLS handshake took too long")
    CLIENT_TLS = ("client_tls", 106, "the TLS handshake failed")
    CLIENT_TICKET_MALFORMED = ("client_ticket_malformed", 107, "the text presented is not a ticket")
    CLIENT_TICKET_REFUSED = ("client_ticket_refused", 108, "the ticket is unknown or was used before")
    CLIENT_TICKET_EXPIRED = ("client_ticket_expired", 109, "the ticket is too old")
    CLIENT_TICKET_FOREIGN = ("client_ticket_foreign", 110, "the ticket was issued by an STA that is not ours")
    CLIENT_TOKEN_REFUSED = ("client_token_refused", 111, "the resume token is not signed by our broker")
    CLIENT_TOKEN_EXPIRED = ("client_token_expired", 112, "the resume token is too old")
    CLIENT_RESUME_REFUSED = ("client_resume_refused", 113, "the proof or the epoch of a resume is wrong")
    CLIENT_RATE_LIMITED = ("client_rate_limited", 114, "too many attempts from this address")
    CLIENT_USER_LIMIT = ("client_user_limit", 115, "the user has as many sessions as allowed")
    CLIENT_TENANT_LIMIT = ("client_tenant_limit", 116, "the tenant has as many sessions as allowed")
    CLIENT_IDLE = ("client_idle", 117, "nothing was sent for longer than allowed")
    CLIENT_SESSION_EXPIRED = ("client_session_expired", 118, "the session reached its longest duration")
    CLIENT_LOST = ("client_lost", 119, "the connection from the client broke")
    CLIENT_ORIGIN = ("client_origin", 120, "pages of this origin may not open sessions here")
    CLIENT_OTHER = ("client_other", 199, "the client ended it for a reason this version does not know")

    POP_FULL = ("pop_full", 200, "the POP has as many sessions as it can carry")
    POP_DRAINING = ("pop_draining", 201, "the POP is being emptied")
    POP_STOPPED = ("pop_stopped", 202, "the POP was stopped")
    POP_INTERNAL = ("pop_internal", 203, "the POP made an error")
    POP_NOT_FOUND = ("pop_not_found", 204, "the POP serves no such page")
    POP_LOST = ("pop_lost", 205, "the connection to the POP broke")
    POP_OTHER = ("pop_other", 299, "the POP ended it for a reason this version does not know")

    BROKER_UNREACHABLE = ("broker_unreachable", 300, "no broker answered the POP")
    BROKER_REFUSED = ("broker_refused", 301, "the broker does not allow it")
    BROKER_ENDED = ("broker_ended", 302, "an administrator ended the session")
    BROKER_REVOKED = ("broker_revoked", 303, "the certificate was revoked")
    BROKER_INTERNAL = ("broker_internal", 304, "the broker made an error")
    BROKER_OTHER = ("broker_other", 399, "the broker ended it for a reason this version does not know")

    CONNECTOR_NONE = ("connector_none", 400, "no connector of the Resource Location is reachable")
    CONNECTOR_TIMEOUT = ("connector_timeout", 401, "the connector did not open its channel in time")
    CONNECTOR_REFUSED = ("connector_refused", 402, "the connector's channel was refused by the POP")
    CONNECTOR_FULL = ("connector_full", 403, "the connector has as many sessions as it can carry")
    CONNECTOR_DRAINING = ("connector_draining", 404, "the connector is being emptied")
    CONNECTOR_TARGET_DENIED = (
        "connector_target_denied",
        405,
        "the connector's allow-list does not hold the target",
    )
    CONNECTOR_NONCE = ("connector_nonce", 406, "the data channel's nonce is unknown, used or wrongly proved")
    CONNECTOR_PROTOCOL = ("connector_protocol", 407, "the connector broke the protocol")
    CONNECTOR_LOST = ("connector_lost", 408, "the connection from the connector broke")
    CONNECTOR_SESSION_UNKNOWN = (
        "connector_session_unknown",
        409,
        "the connector does not hold the session any more",
    )
    CONNECTOR_INTERNAL = ("connector_internal", 410, "the connector made an error")
    CONNECTOR_OTHER = (
        "connector_other",
        499,
        "the connector ended it for a reason this version does not know",
    )

    VDA_CLOSED = ("vda_closed", 500, "the VDA ended the session")
    VDA_REFUSED = ("vda_refused", 501, "the VDA refused the connection")
    VDA_UNREACHABLE = ("vda_unreachable", 502, "there is no route to the VDA")
    VDA_TIMEOUT = ("vda_timeout", 503, "the VDA did not answer in time")
    VDA_NAME = ("vda_name", 504, "the VDA's name does not resolve")
    VDA_RESET = ("vda_reset", 505, "the VDA broke the connection")
    VDA_OTHER = ("vda_other", 599, "the VDA ended it for a reason this version does not know")

    number: int
    text: str

    def __new__(cls, name: str, number: int, text: str) -> Self:
        """Make the name the value, and keep the rest beside it."""
        code = str.__new__(cls, name)
        code._value_ = name
        code.number = number
        code.text = text
        return code

    @property
    def party(self) -> str:
        """Who is at fault: `client`, `pop`, `broker`, `connector` or `vda`."""
        return str(self.value).partition("_")[0]


_BY_NUMBER = {code.number: code for code in CloseCode}
_BY_NAME = {str(code.value): code for code in CloseCode}
_OTHER = {code.party: code for code in CloseCode if code.number % 100 == 99}


def from_number(number: int) -> CloseCode:
    """Return the code of a binary wire.

    An unknown number becomes its party's `_other`, nonsense `pop_other`.
    """
    return _BY_NUMBER.get(number) or _BY_NUMBER.get(number // 100 * 100 + 99, CloseCode.POP_OTHER)


def from_name(name: str) -> CloseCode:
    """Return the code of a JSON wire; an unknown name becomes its party's `_other`, nonsense `pop_other`."""
    return _BY_NAME.get(name) or _OTHER.get(name.partition("_")[0], CloseCode.POP_OTHER)
