"""Makes what the demo's processes need: settings, location, user, resource, and their credentials.

All of it in the way an operator would: through the broker's functions, enrolment over its HTTPS. What is
there already is left alone, so that it may be called at every start; a credential that has run out, or that
another authority gave, is replaced.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from gateway.broker import config, desk, locations, program, resources
from gateway.broker.authority import CA_FILE
from gateway.broker.desk import Desk
from gateway.broker.resources import Draft
from gateway.connector import enrol as connector_enrol
from gateway.connector.credential import save_credential
from gateway.demo.enrolled import MARK, is_enrolled
from gateway.demo.plan import LOCATION, POPS, RESOURCE, USER, VDA, Plan
from gateway.demo.private import write_private
from gateway.errors import ConfigError, NameTaken, NotFound
from gateway.pop import credential as pop_credential

TENANT: Final = "default"


def set_up(plan: Plan, clock: Callable[[], float] = time.time) -> None:
    """Make what is missing. Raises `ConfigError` when the state cannot be written or an address is taken."""
    try:
        plan.broker_state.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(plan.broker_state / config.FILE, _toml(plan))
        with desk.opened(config.load(str(plan.broker_state), env={}), clock) as opened:
            _fill(opened, plan, clock())
            if not is_enrolled(plan, clock()):
                asyncio.run(_enrol(opened, plan, clock))
        write_private(plan.broker_state / MARK, str(plan.port))
    except OSError as error:
        raise ConfigError(f"state: {error.filename or plan.state}: {error.strerror}") from error


def _toml(plan: Plan) -> str:
    settings = {name: text for name, text in plan.broker_settings().items() if name != "state"}
    lines = [f"{name} = {json.dumps([text] if name == 'names' else text)}" for name, text in settings.items()]
    return "# Written by `itm-gateway demo` at every start.\n" + "\n".join(lines) + "\n"


def _fill(opened: Desk, plan: Plan, now: float) -> None:
    with suppress(NameTaken):
        locations.create(opened.engine, LOCATION, tenant=TENANT, now=now)
    _set_password(opened, plan, now)
    try:
        found = resources.find(opened.engine, RESOURCE, tenant=TENANT)
        if found.target == plan.vda:
            return
        resources.remove(opened.engine, found)
    except NotFound:
        pass
    site = locations.find(opened.engine, LOCATION, tenant=TENANT)
    resources.add(opened.engine, Draft(RESOURCE, site.id, VDA, plan.port), tenant=TENANT, now=now)


def _set_password(opened: Desk, plan: Plan, now: float) -> None:
    if not plan.password_file.exists():
        write_private(plan.password_file, secrets.token_urlsafe(9) + "\n")
    word = plan.password_file.read_text().strip()
    try:
        opened.passwords.add(opened.engine, USER, word, tenant=TENANT, now=now)
    except NameTaken:
        opened.passwords.change(opened.engine, USER, word, tenant=TENANT)


async def _enrol(opened: Desk, plan: Plan, clock: Callable[[], float]) -> None:
    """Have the broker serve for as long as the three enrol with it."""
    ca = plan.broker_state / CA_FILE
    async with program.serving(opened):
        for name, host in POPS.items():
            token = opened.enrolment.pop_token(name, [plan.at(host)], clock())
            await asyncio.to_thread(
                pop_credential.enrol, plan.state / name, plan.broker_url, token, ca, clock
            )
        site = locations.find(opened.engine, LOCATION, tenant=TENANT)
        token = opened.enrolment.connector_token(site, clock())
        context = ssl.create_default_context(cafile=ca)
        made = await asyncio.to_thread(connector_enrol.enrol, plan.broker_url, token, context, clock)
    save_credential(plan.state / "connector", made)
