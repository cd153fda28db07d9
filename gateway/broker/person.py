"""Who a directory's entry is to the gateway: what is typed, the filter that finds it, its lasting name.

People type `ann`, `CORP\\ann`, `ann@corp.example` or `ann@DIRECTORY`; whatever they type, they are known as
`ann@DIRECTORY`, so no user of a directory can be taken for a local one, nor for another directory's. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import sansldap

from gateway.broker.ldap import Entry
from gateway.broker.names import check_name
from gateway.errors import Invalid

PLACE: Final = "{login}"
USER_FILTER: Final = f"(|(uid={PLACE})(sAMAccountName={PLACE})(userPrincipalName={PLACE}))"
"""What a directory does not know makes its part undefined, not the filter wrong (RFC 4511 4.5.1.7)."""
NAME_ATTRIBUTES: Final = ("samaccountname", "uid")
"""Where the lasting name stands; the first that an entry has."""
_NESTED: Final = (
    "1.2.840.113556.1.4.1941"  # LDAP_MATCHING_RULE_IN_CHAIN of Active Directory: groups of groups
)
MAX_LOGIN: Final = 256
_PLAIN: Final = re.compile(r"[A-Za-z0-9._@-]")


@dataclass(frozen=True, slots=True)
class Login:
    """What was typed: the name to look for, and the directory or domain it was typed with, if any."""

    name: str
    where: str = ""


def parse_login(typed: str, directories: Iterable[str]) -> Login:
    """Return the login; `ann@NAME` of one of these directories means that one."""
    domain, backslash, name = typed.partition("\\")
    if backslash:
        return Login(name, domain.casefold())
    name, _, suffix = typed.rpartition("@")
    if name and suffix.casefold() in directories:
        return Login(name, suffix.casefold())
    return Login(typed)


def guess_key(typed: str) -> str:
    """Return what all spellings of one name share, as directories compare them: for counting guesses."""
    bare = typed.rpartition("\\")[2].partition("@")[0]
    return " ".join(unicodedata.normalize("NFKC", bare).casefold().split())[:64]


def escape(text: str) -> str:
    """Return a value that stands for itself in a filter, whatever it holds (RFC 4515 3)."""
    return "".join(
        sign
        if _PLAIN.fullmatch(sign)
        else "".join(f"\\{byte:02x}" for byte in sign.encode("utf-8", "replace"))
        for sign in text
    )


def user_filter(template: str, login: str) -> str:
    """Return the filter that finds this login."""
    return template.replace(PLACE, escape(login))


def check_filter(template: str) -> str:
    """Return a template that is a filter and has its place for the login. Raises `Invalid`."""
    if PLACE not in template:
        raise Invalid([f"user_filter: expected {PLACE} where the typed name goes"])
    try:
        sansldap.LDAPFilter.from_string(user_filter(template, "x"))
    except (ValueError, LookupError, RecursionError) as error:
        raise Invalid([f"user_filter: not a filter of RFC 4515: {error}"]) from None
    return template


def lasting_name(entry: Entry, directory: str, attribute: str = "") -> str:
    """Return the name under which the gateway knows the entry: `ann@corp`. Raises `Invalid`."""
    wanted = (attribute.lower(),) if attribute else NAME_ATTRIBUTES
    values = next((found for name in wanted if (found := entry.attributes.get(name))), ())
    if not values:
        raise Invalid([f"{entry.dn}: has no {' or '.join(wanted)}"])
    try:
        return check_name("user", f"{min(values).decode().casefold()}@{directory}")
    except UnicodeDecodeError:
        raise Invalid([f"{entry.dn}: its {'/'.join(wanted)} is not a text"]) from None


def group_filter(entry: Entry) -> str:
    """Return the filter that finds the entry's groups, groups of groups too where the directory can."""
    dn = escape(entry.dn)
    parts = [f"(member={dn})", f"(uniqueMember={dn})", f"(member:{_NESTED}:={dn})"]
    parts += [
        f"(memberUid={escape(uid.decode('utf-8', 'replace'))})" for uid in entry.attributes.get("uid", ())
    ]
    return f"(|{''.join(parts)})"


def same_dn(dn: str) -> str:
    """Return what two spellings of one DN share: case and spaces beside `,` and `=` do not count."""
    return re.sub(r"\s*(?<!\\)([,=+])\s*", r"\1", dn.strip()).casefold()
