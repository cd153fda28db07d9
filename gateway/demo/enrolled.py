"""Whether a demo was set up already, told from its files: a second start then opens no database."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.broker.authority import CA_FILE
from gateway.connector.credential import certificate_end, load_credential
from gateway.demo.plan import POPS, Plan
from gateway.errors import ConfigError
from gateway.pop import credential as pop_credential

MARK: Final = "demo"
"""Written last, beside the broker's database; holds the port that everything was made for."""


def is_set_up(plan: Plan, now: float) -> bool:
    """Whether all of it was made, for this port, and its credentials are good now."""
    try:
        made_for = (plan.broker_state / MARK).read_text()
    except OSError:
        return False
    return made_for == str(plan.port) and is_enrolled(plan, now)


def is_enrolled(plan: Plan, now: float) -> bool:
    """Whether both POPs and the connector hold a certificate that this broker gave and that is not over."""
    try:
        authority = (plan.broker_state / CA_FILE).read_text()
        held = [*(_of_pop(plan.state / name) for name in POPS), _of_connector(plan.state / "connector")]
        return all(
            (broker, ca) == (plan.broker_url, authority) and certificate_end(pem) > now
            for broker, ca, pem in held
        )
    except (OSError, ValueError, ConfigError):
        return False


def _of_pop(state: Path) -> tuple[str, str, str]:
    """Return its broker, authority and certificate."""
    who = pop_credential.load(state)
    return who.broker if who else "", (state / "ca.pem").read_text(), (state / "pop.pem").read_text()


def _of_connector(state: Path) -> tuple[str, str, str]:
    who = load_credential(state)
    return (who.broker, who.ca_pem, who.cert_pem) if who else ("", "", "")
