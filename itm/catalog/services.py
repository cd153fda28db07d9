"""The `services:` section: steered names, their pools, rules, chain and last-resort values."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import replace

from itm.catalog.cursor import Cursor
from itm.catalog.locations import read_locations
from itm.catalog.names import read_name
from itm.catalog.pools import Pool, read_pools
from itm.catalog.pops import read_tags
from itm.catalog.rules import read_rules
from itm.catalog.steer import Chain, read_chain, read_tuning
from itm.catalog.types import Form, Pop, Rule, Service, Tuning

KEYS = (
    "ttl", "pools", "rules", "values", "steer", "locations", "require_tags",
    "answer", "direct", "https", "svcb",
)  # fmt: skip
BINDINGS = ("https", "svcb")
ANSWERS = ("addresses", "cname")
LONGEST_TTL = 86_400  # a steered answer that lives longer than a day does not steer
DEFAULT_TTL = 20
DEFAULT_POOL = "all"


def read_services(cursor: Cursor, pops: Sequence[Pop]) -> tuple[Service, ...]:
    """Return the services in file order, their names in normal form."""
    names: set[str] = set()
    services = []
    for written, entry in cursor.entries().items():
        name = read_name(entry, written)
        if name in names:
            entry.refuse(f"the service {name!r} stands twice")
        names.add(name)
        services.append(_read_service(name, entry, pops))
    return tuple(services)


def _read_service(name: str, cursor: Cursor, pops: Sequence[Pop]) -> Service:
    fields = cursor.fields(KEYS)
    chain = read_chain(fields.get("steer"))
    if "pools" in fields:
        pools = read_pools(fields["pools"], _pop_ids(pops), is_weighted="weighted" in chain.steps)
        rules = _read_rules(cursor, fields.get("rules"), pools)
    else:
        pools = {DEFAULT_POOL: Pool(tuple(pop.id for pop in pops), "")}
        rules = _read_rules(cursor, fields.get("rules"), pools)
    ipv4, ipv6 = _read_values(fields["values"]) if "values" in fields else ((), ())
    tags = read_tags(fields["require_tags"]) if "require_tags" in fields else ()
    _check_tags(fields.get("require_tags"), tags, pools, pops)
    ttl, ttl_most = _read_ttl(fields["ttl"]) if "ttl" in fields else (DEFAULT_TTL, 0)
    return Service(
        name=name,
        ttl=ttl,
        pools=tuple((pool_name, pool.pops) for pool_name, pool in pools.items()),
        rules=rules,
        ipv4_values=ipv4,
        ipv6_values=ipv6,
        steer=chain.steps,
        require_tags=tags,
        tuning=_read_tuning(chain, fields, pools, pops),
        form=_read_form(fields),
        ttl_most=ttl_most,
    )


def _read_ttl(cursor: Cursor) -> tuple[int, int]:
    """Return the least TTL and the highest, 0 where one is stated."""
    if not isinstance(cursor.value, dict):
        return cursor.integer(1, LONGEST_TTL), 0
    fields = cursor.fields(("least", "most"), required=("least", "most"))
    least, most = (fields[key].integer(1, LONGEST_TTL) if key in fields else 1 for key in ("least", "most"))
    if least > most and len(fields) == 2:
        cursor.refuse(f"`least` is {least} and above `most`, {most}")
    return least, most


def _read_form(fields: Mapping[str, Cursor]) -> Form:
    is_alias = "answer" in fields and fields["answer"].one_of(ANSWERS) == "cname"
    bindings = {key: fields[key] for key in BINDINGS if key in fields}
    for key, cursor in bindings.items() if is_alias else ():
        cursor.refuse(f"no {key.upper()} record can stand beside the CNAME of `answer: cname`")
    if is_alias and "values" in fields:
        fields["values"].refuse(
            "`answer: cname` has no last resort: a CNAME and addresses exclude each other"
        )
    return Form(
        is_alias=is_alias,
        has_direct=is_alias or ("direct" in fields and fields["direct"].switch()),
        **{} if is_alias else {key: _read_binding(cursor) for key, cursor in bindings.items()},
    )


def _read_binding(cursor: Cursor) -> str:
    """Return the parameters of an SVCB or HTTPS record (RFC 9460 7); the addresses are the POP's."""
    fields = cursor.fields(("alpn", "port"))
    parameters = []
    if "alpn" in fields:
        words = [
            word for item in fields["alpn"].texts(least=1) if _is_protocol(item) for word in [item.text()]
        ]
        parameters.append(f'alpn="{",".join(words)}"')
    if "port" in fields:
        parameters.append(f"port={fields['port'].integer(1, 65_535)}")
    return " ".join(parameters) or "alpn=h2"


def _is_protocol(cursor: Cursor) -> bool:
    if cursor.text().replace("/", "").replace(".", "").replace("-", "").isalnum():
        return True
    cursor.refuse(f"expected a protocol such as h2 or h3, got {cursor.value!r}")
    return False


def _pop_ids(pops: Sequence[Pop]) -> dict[str, str]:
    ids = {address: pop.id for pop in pops for address in (*pop.ipv4, *pop.ipv6)}
    return ids | {pop.id: pop.id for pop in pops}


def _read_rules(service: Cursor, cursor: Cursor | None, pools: dict[str, Pool]) -> tuple[Rule, ...]:
    if cursor is None:
        if len(pools) > 1:
            service.refuse("`rules` is missing: there are several pools")
        return (Rule(pools=tuple(pools)),)
    rules = read_rules(cursor, pools)
    used = {name for rule in rules for name in rule.pools}
    for name in pools:
        if name not in used:
            service.at(None, f"pools.{name}").refuse(
                "no rule uses this pool, and no pool in use falls back to it"
            )
    return rules


def _read_values(cursor: Cursor) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ipv4: list[str] = []
    ipv6: list[str] = []
    for item in cursor.texts(least=1):
        try:
            address = ipaddress.ip_address(item.text())
        except ValueError:
            item.refuse(f"expected an IP address, got {item.value!r}")
            continue
        values = ipv4 if address.version == 4 else ipv6
        if str(address) in values:
            item.refuse(f"{address} stands twice")
        values.append(str(address))
    return tuple(ipv4), tuple(ipv6)


def _read_tuning(
    chain: Chain, fields: Mapping[str, Cursor], pools: Mapping[str, Pool], pops: Sequence[Pop]
) -> Tuning:
    locations = read_locations(fields["locations"]) if "locations" in fields else ()
    is_joint = "joint" in chain.steps
    if is_joint and "locations" not in fields:
        fields["steer"].refuse("`joint` must know where the VDAs are: `locations` is missing")
    if "locations" in fields and not is_joint:
        fields["locations"].refuse("only the step `joint` reads locations, and `steer` has it not")
    weights = tuple((name, pool.weights) for name, pool in pools.items() if set(pool.weights) - {1.0})
    return replace(read_tuning(chain, pools, pops), locations=locations, weights=weights)


def _check_tags(
    cursor: Cursor | None, tags: tuple[str, ...], pools: dict[str, Pool], pops: Sequence[Pop]
) -> None:
    if cursor is None:
        return
    by_id = {pop.id: pop for pop in pops}
    for name, pool in pools.items():
        if pool.pops and not any(set(tags) <= set(by_id[pop].tags) for pop in pool.pops if pop in by_id):
            cursor.refuse(f"no POP of pool {name!r} carries {', '.join(tags) or 'these tags'}")
