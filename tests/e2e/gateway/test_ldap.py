"""Users of a real slapd log in at the broker, which reaches it through POP and connector alone."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.gateway.slapd import BASE, PASSWORDS, READER, READER_PASSWORD, STAFF, Slapd, slapd
from tests.e2e.gateway.stack import Stack, gateway
from tests.e2e.serving import free_ports
from tests.programs import wait_until


@dataclass
class Site:
    """A gateway whose location `site` holds a directory `corp`."""

    stack: Stack
    slapd: Slapd

    def call(
        self, path: str, name: str, password: str, body: dict[str, Any] | None = None
    ) -> tuple[int, Any]:
        """One request as this user; status, and JSON or text."""
        url = f"https://localhost:{self.stack.ports['api']}{path}"
        basic = b64encode(f"{name}:{password}".encode()).decode()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Authorization": f"Basic {basic}"})
        context = ssl.create_default_context(cafile=str(self.stack.ca))
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                text, status = answer.read(), answer.status
        except urllib.error.HTTPError as error:
            text, status = error.read(), error.code
        return status, json.loads(text) if text.startswith(b"{") else text.decode()

    def resources(self, name: str, password: str) -> Any:
        """The names of what the user sees, or the code of the refusal."""
        status, answer = self.call("/resources", name, password)
        return sorted(each["name"] for each in answer["resources"]) if status == 200 else answer["code"]

    def add_directory(self, name: str, tls: str, *more: str) -> None:
        server = self.slapd.ldaps if tls == "ldaps" else self.slapd.plain
        words = ("--server", server, "--tls", tls, "--base", BASE, "--bind-dn", READER, *more)
        self.stack.desk("ldap", "add", name, "--location", "site", *words, stdin=f"{READER_PASSWORD}\n")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway, a slapd behind its connector, and the directory `corp` over LDAPS."""
    one, two = free_ports(2)
    folder = tmp_path_factory.mktemp("slapd")
    with (
        slapd(folder, host="127.0.0.1", ports=(one, two)) as running,
        gateway(tmp_path_factory.mktemp("gateway")) as stack,
    ):
        made = Site(stack, running)
        made.add_directory("corp", "ldaps", "--ca", str(running.ca), "--domain", "CORP")
        yield made


def test_a_user_of_the_directory_logs_in_and_launches(site: Site) -> None:
    """Known as ann@corp; what is everyone's is theirs, and what is assigned to them before or after."""
    target = f"127.0.0.1:{site.stack.ports['echo']}"
    add = ("resource", "add", "--location", "site", "--target", target)
    site.stack.desk(*add, "anns", "--for", "ann@corp")
    site.stack.desk(*add, "staffs", "--for-group", f"corp:{STAFF.replace(',', ', ').upper()}")
    assert site.resources("ann@corp", PASSWORDS["ann"]) == ["anns", "echo", "staffs"]
    assert site.resources("bob", PASSWORDS["bob"]) == ["echo"]
    status, file = site.call("/launch", "ann@corp", PASSWORDS["ann"], {"resource": "anns"})
    assert status == 200
    assert "SSLProxyHost=" in file
    assert site.call("/launch", "bob", PASSWORDS["bob"], {"resource": "anns"})[0] == 403
    assert site.stack.desk("user", "list").splitlines() == ["ann", "ann@corp", "bob@corp"]
    site.stack.desk("launch-file", "anns", "--user", "ann@corp", "-o", str(site.stack.folder / "a.ica"))


@pytest.mark.parametrize(
    "typed",
    ["ZZed", "zzed", "zoe.zed@corp.example", "CORP\\zzed", "corp\\ZZED", "default\\zzed", "zzed@corp"],
)
def test_one_person_has_one_name_however_typed(site: Site, typed: str) -> None:
    """As Active Directory lets people type it; a password full of filter signs is only a password."""
    words = ("ldap", "test", typed.removeprefix("default\\"), "--password")
    said = site.stack.desk(*words, stdin=PASSWORDS["zoe"] + "\n").splitlines()
    assert said[1].split() == ["name", "zzed@corp"]
    assert said[-1].split() == ["password", "right"]
    assert site.resources(typed, PASSWORDS["zoe"]) == ["echo", "staffs"]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann@corp", "wrong"),
        ("bob", ""),
        ("nobody", "x"),
        ("*", PASSWORDS["bob"]),
        ("bob)(uid=*", PASSWORDS["bob"]),
        ("b*b", PASSWORDS["bob"]),
        ("OTHER\\bob", PASSWORDS["bob"]),
        ("twin", "twin twin"),
        ("bob\\00", PASSWORDS["bob"]),
        ("x" * 300, "x"),
    ],
)
def test_who_does_not_get_in(site: Site, name: str, password: str) -> None:
    """Wrong, empty, unknown, filter signs, a foreign domain, two of one name: always the same answer."""
    assert site.resources(name, password) == "unauthorised"


def test_no_empty_password_ever_reaches_the_directory(site: Site) -> None:
    """RFC 4513 5.1.2: not one unauthenticated bind, not one search with a bare `*`, stands in slapd's log."""
    log = site.slapd.log.read_text()
    assert 'BIND dn="uid=bob,ou=people,dc=corp,dc=example" mech=SIMPLE' in log
    assert "anonymous" not in log.replace("BIND anonymous mech=implicit", "")
    assert "(uid=*)" not in log


def test_a_local_user_is_not_asked_of_the_directory(site: Site) -> None:
    """`ann` is in both: typed bare she is the local one, and her password goes nowhere else."""
    before = site.slapd.log.read_text().count("SRCH")
    assert "echo" in site.resources("ann", "a long enough password")
    assert site.resources("ann", PASSWORDS["ann"]) == "unauthorised"
    assert site.slapd.log.read_text().count("SRCH") == before


def test_guesses_are_limited_over_all_spellings(site: Site) -> None:
    """Ten wrong passwords a minute for one person, typed in any way; then even the right one waits."""
    spellings = ("zzed", "ZZED", "CORP\\zzed", "zoe.zed@corp.example", "zzed@corp")
    seen = [site.resources(spellings[number % 5], "wrong") for number in range(12)]
    assert seen[:5] == ["unauthorised"] * 5
    assert seen[-1] == "client_rate_limited"
    assert site.resources("zoe.zed@corp.example", PASSWORDS["zoe"]) == "client_rate_limited"
    assert site.resources("ann@corp", PASSWORDS["ann"]) != "client_rate_limited"


def test_only_members_of_a_group_when_so_configured(site: Site) -> None:
    """And over StartTLS; the same people under this directory's name."""
    site.add_directory("staff", "starttls", "--ca", str(site.slapd.ca), "--group", STAFF)
    try:
        assert site.resources("staff\\ann", PASSWORDS["ann"]) == ["echo"]
        assert site.resources("staff\\bob", PASSWORDS["bob"]) == "unauthorised"
    finally:
        site.stack.desk("ldap", "remove", "staff")
    assert "ann@staff" not in site.stack.desk("user", "list")


def test_an_unverified_directory_hears_no_password(site: Site) -> None:
    """The system's authorities do not vouch for it: neither LDAPS nor StartTLS goes on."""
    for name, tls in (("untrusted", "ldaps"), ("unsure", "starttls")):
        site.add_directory(name, tls)
        assert site.resources(f"{name}\\ann", PASSWORDS["ann"]) == "directory_unavailable"
        site.stack.desk("ldap", "remove", name)
    site.add_directory("open", "plain")
    assert site.resources("open\\ann", PASSWORDS["ann"]) == ["echo"]
    site.stack.desk("ldap", "remove", "open")


def test_a_wrong_service_password_is_not_the_users_fault(site: Site) -> None:
    """The account that searches is refused: unavailable, never a wrong password."""
    words = ("--server", site.slapd.ldaps, "--base", BASE, "--ca", str(site.slapd.ca), "--bind-dn", READER)
    site.stack.desk("ldap", "add", "badly", "--location", "site", *words, stdin="not it\n")
    assert site.resources("badly\\ann", PASSWORDS["ann"]) == "directory_unavailable"
    site.stack.desk("ldap", "remove", "badly")


def test_the_pops_records_show_the_brokers_pipes(site: Site) -> None:
    """As the broker's own, to the directory, under the tenant."""
    admin = (site.stack.folder / "pop-a" / "admin").read_text().strip()
    with urllib.request.urlopen(f"http://{admin}/sessions", timeout=5) as answer:
        records = json.loads(answer.read())
    pipes = [record for record in records if record["user"] == "(broker)"]
    assert pipes
    assert {record["resource"] for record in pipes} <= {site.slapd.ldaps, site.slapd.plain}
    assert {(record["tenant"], record["mode"]) for record in pipes} == {("default", "reach")}


@pytest.mark.long
def test_a_directory_that_cannot_be_asked_is_said(site: Site) -> None:
    """Silent, then down, then behind no connector: 503 each time; local users get in all the while."""
    site.slapd.pause()
    status, answer = site.call("/resources", "ann@corp", PASSWORDS["ann"])
    assert (status, answer["code"]) == (503, "directory_unavailable")
    site.slapd.go_on()
    wait_until(
        lambda: site.resources("ann@corp", PASSWORDS["ann"]) != "directory_unavailable", 10, "it is back"
    )
    site.slapd.stop()
    status, answer = site.call("/resources", "ann@corp", PASSWORDS["ann"])
    assert (status, answer["text"]) == (503, "the directory corp cannot be asked now (vda_refused)")
    site.stack.running["connector"].kill()
    status, answer = site.call("/resources", "ann@corp", PASSWORDS["ann"])
    assert (status, answer["text"]) == (503, "the directory corp cannot be asked now (connector_none)")
    assert site.resources("ann", "a long enough password") == ["echo"]
