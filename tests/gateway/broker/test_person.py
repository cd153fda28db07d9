from __future__ import annotations

import pytest
import sansldap
from hypothesis import given
from hypothesis import strategies as st

from gateway.broker import person
from gateway.broker.ldap import Entry
from gateway.broker.person import Login
from gateway.errors import Invalid


@given(st.text(max_size=60))
def test_a_typed_name_is_a_value_and_nothing_else(typed: str) -> None:
    """Whatever it holds, the filter keeps its shape and looks for exactly that (RFC 4515)."""
    found = sansldap.LDAPFilter.from_string(person.user_filter("(&(uid={login})(sn=x))", typed))
    assert isinstance(found, sansldap.FilterAnd)
    first, second = found.filters
    assert isinstance(second, sansldap.FilterEquality)
    if typed:
        assert isinstance(first, sansldap.FilterEquality)
        assert first.value == typed.encode()


@pytest.mark.parametrize(
    ("typed", "login"),
    [
        ("ann", Login("ann")),
        ("CORP\\Ann", Login("Ann", "corp")),
        ("ann@Corp", Login("ann", "corp")),
        ("ann@corp.example", Login("ann@corp.example")),
        ("CORP\\ann@corp", Login("ann@corp", "corp")),
        ("@corp", Login("@corp")),
        ("a\\b\\c", Login("b\\c", "a")),
    ],
)
def test_how_people_type_it(typed: str, login: Login) -> None:
    """Bare, with a domain, with the directory's name, as a userPrincipalName."""
    assert person.parse_login(typed, ["corp", "lab"]) == login


def test_guesses_count_under_one_key() -> None:
    """Spellings that a directory takes for one name share it; other names do not."""
    same = ["ann", "ANN", "CORP\\ann", "ann@corp.example", " ann ", "\uff41nn"]
    assert {person.guess_key(typed) for typed in same} == {"ann"}
    assert person.guess_key("anna") != "ann"


def entry(**attributes: bytes) -> Entry:
    return Entry("cn=x", {name: (value,) for name, value in attributes.items()})


def test_the_lasting_name() -> None:
    """sAMAccountName, else uid, or what the operator says; lower case, with the directory's name."""
    assert person.lasting_name(entry(samaccountname=b"Ann", uid=b"u1"), "corp") == "ann@corp"
    assert person.lasting_name(entry(uid=b"u1"), "corp") == "u1@corp"
    assert person.lasting_name(entry(uid=b"u1", mail=b"A@x.example"), "corp", "Mail") == "a@x.example@corp"


@pytest.mark.parametrize("found", [entry(), entry(uid=b"\xff"), entry(uid=b"a;b"), entry(uid=b"x" * 70)])
def test_who_cannot_be_named(found: Entry) -> None:
    """No attribute, no text, or what a launch file could not hold."""
    with pytest.raises(Invalid):
        person.lasting_name(found, "corp")


@pytest.mark.parametrize("template", ["(uid=ann)", "(uid={login}", "uid={login})", "(&(uid={login})"])
def test_a_filter_is_checked_when_it_is_given(template: str) -> None:
    """It needs its place, and its brackets."""
    with pytest.raises(Invalid):
        person.check_filter(template)


def test_groups_are_compared_as_directories_do() -> None:
    """Case and spaces do not count; escaped commas do."""
    assert person.same_dn("CN=Staff , OU=Groups,dc=x") == person.same_dn("cn=staff,ou=groups, DC=X")
    assert person.same_dn("cn=a\\, b,dc=x") != person.same_dn("cn=a,b,dc=x")


def test_the_group_filter_escapes_the_dn() -> None:
    """A DN with filter signs in it is one value."""
    found = Entry("cn=a*(b)\\\\,dc=x", {"uid": (b"a)(cn=*",)})
    parsed = sansldap.LDAPFilter.from_string(person.group_filter(found))
    assert isinstance(parsed, sansldap.FilterOr)
    kinds = (sansldap.FilterEquality, sansldap.FilterExtensibleMatch)
    assert len(parsed.filters) == 4
    assert all(isinstance(each, kinds) for each in parsed.filters)
