"""What `itm serve` prints when it is ready: where it listens, and for the demo five commands to try.

Text only; who is served what is found out by `itm.cli.serve`.
"""

from __future__ import annotations

from collections.abc import Sequence

from itm.config import Config

NAME = "gw.example.net"
SUBNETS = (
    ("133.11.0.0/24", "Japan"),
    ("193.0.6.0/24", "the Netherlands"),
    ("8.8.8.0/24", "the United States"),
)
"""Client networks of three continents."""


def where(config: Config) -> str:
    """Return the lines that say where everything listens."""
    return "\n".join(
        [
            f"  DNS     {', '.join(config.dns.listen)} (UDP and TCP)",
            f"  public  http://{config.public.listen}/rum/v1/beacon  /rum/v1/demo",
            *(
                f"          https://{listen}/rum/v1/beacon  /rum/v1/demo"
                for listen in config.public.tls_listen
            ),
            f"  ops     http://{config.ops.listen}/api/v1/pops  /metrics  /healthz  /readyz",
            f"  state   {config.state_dir}",
        ]
    )


def demo(config: Config, pop: str, program: str, options: Sequence[str] = (), *, has_dig: bool = True) -> str:
    """Return the demo's banner; `pop` is the one that the first network is served now.

    `program` is how `itm` is called; `options` are the settings that the commands need to find this
    server when it does not stand where the defaults say.
    """
    first = SUBNETS[0][0]
    settings = "".join(f" {word}" for word in options)
    ask = [f"     {query(config, subnet, program, has_dig=has_dig)}" for subnet, _ in SUBNETS]
    countries = ", ".join(country for _, country in SUBNETS)
    lines = [
        "Ready. Five commands to try, in another terminal:",
        "",
        f"  1. Three continents ({countries}), three POPs:",
        *ask,
        "  2. Why Japan gets its answer:",
        f"     {program} why {NAME} --client 133.11.0.1{settings}",
        f"  3. Users in {first} find {pop} slow (takes a build or two, up to two minutes):",
        f"     {program} demo beacons --from {first} --slow {pop}{settings}",
        "  4. Their answer has changed:",
        f"     {query(config, first, program, has_dig=has_dig)}",
        f"  5. Drain {pop} for an hour; within a second no network is sent there:",
        f"     {program} pop drain {pop} --for 1h --reason demo{settings}",
        "",
        "One machine can play many clients here: the demo believes X-Forwarded-For from 127.0.0.0/8 and",
        "plans 3600 sessions an hour for a network. Without --demo only the peer's address counts",
        "(public.trusted_proxies), and 120 sessions (collect.network_sessions_per_hour). No guard is off.",
        "IP Geolocation by DB-IP (https://db-ip.com)",
    ]
    return "\n".join(lines)


def query(config: Config, subnet: str, program: str, *, has_dig: bool) -> str:
    """Return the command that asks this server's DNS as a client of `subnet`."""
    host, _, port = config.dns.listen[0].rpartition(":")
    if has_dig:
        return f"dig @{host.strip('[]')} -p {port} {NAME} +subnet={subnet} +short"
    return f"{program} query {NAME} --server {config.dns.listen[0]} --subnet {subnet}"


def plain(faults: dict[str, str]) -> str:
    """Return the banner of a server without the demo; `faults` is what it still lacks."""
    if "store" in faults:
        return "Running, without a catalog yet: apply one with `itm catalog apply PATH`."
    return "Ready."
