"""A real slapd of our own: its config, data and certificate in a folder, on addresses of the test's choice.

It holds people as OpenLDAP has them (uid), one as Active Directory names them, and groups. Only `READER` may
search; anybody may bind.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.gateway.certificates import Certificates
from tests.programs import need, tail, wait_until

BASE = "dc=corp,dc=example"
READER = f"cn=reader,{BASE}"
READER_PASSWORD = "reads all"
STAFF = f"cn=Staff,ou=groups,{BASE}"
PASSWORDS = {"ann": "ann's password", "bob": "bob's password", "zoe": "zoë*)(uid=*"}

SCHEMA = """
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.656 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9.99 NAME 'adUser' SUP top AUXILIARY
  MAY ( sAMAccountName $ userPrincipalName ) )
"""
"""The two attributes of Active Directory that logins are typed with."""

LDIF = f"""
dn: {BASE}
objectClass: dcObject
objectClass: organization
o: Corp

dn: ou=people,{BASE}
objectClass: organizationalUnit

dn: ou=groups,{BASE}
objectClass: organizationalUnit

dn: {READER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
userPassword: {READER_PASSWORD}

dn: uid=ann,ou=people,{BASE}
objectClass: inetOrgPerson
cn: Ann
sn: Ann
userPassword: {PASSWORDS["ann"]}

dn: uid=bob,ou=people,{BASE}
objectClass: inetOrgPerson
cn: Bob
sn: Bob
userPassword: {PASSWORDS["bob"]}

dn: cn=Zoe Zed,ou=people,{BASE}
objectClass: inetOrgPerson
objectClass: adUser
sn: Zed
sAMAccountName: ZZed
userPrincipalName: zoe.zed@corp.example
userPassword: {PASSWORDS["zoe"]}

dn: uid=twin,ou=people,{BASE}
objectClass: inetOrgPerson
cn: Twin
sn: Twin
userPassword: twin twin

dn: uid=twin,ou=groups,{BASE}
objectClass: inetOrgPerson
cn: Twin
sn: Twin
userPassword: twin twin

dn: {STAFF}
objectClass: groupOfNames
member: uid=ann,ou=people,{BASE}
member: cn=Zoe Zed,ou=people,{BASE}
"""


@dataclass
class Slapd:
    """A running slapd."""

    popen: subprocess.Popen[bytes]
    log: Path
    ca: Path
    plain: str
    ldaps: str

    def pause(self) -> None:
        """It hears and answers nothing; its kernel still accepts."""
        os.kill(self.popen.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.popen.pid, signal.SIGCONT)

    def stop(self) -> None:
        self.popen.kill()
        self.popen.wait()


def _write(folder: Path, names: tuple[str, ...]) -> Path:
    """Write configuration, certificate and data; return the CA's file."""
    certificates = Certificates(folder)
    identity = certificates.server("slapd.pem", names=names)
    (folder / "data").mkdir()
    (folder / "ad.schema").write_text(SCHEMA)
    (folder / "slapd.conf").write_text(
        "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n"
        f"include /etc/ldap/schema/inetorgperson.schema\ninclude {folder}/ad.schema\n"
        f"pidfile {folder}/slapd.pid\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n"
        f"TLSCACertificateFile {certificates.ca}\nTLSCertificateFile {identity}\n"
        f"TLSCertificateKeyFile {identity}\n"
        f'database mdb\nsuffix "{BASE}"\ndirectory {folder}/data\n'
        "access to attrs=userPassword by anonymous auth by * none\n"
        f'access to * by dn.exact="{READER}" read by anonymous auth by * none\n'
    )
    (folder / "data.ldif").write_text(LDIF.strip() + "\n")
    words = [need("slapadd", "slapd"), "-f", str(folder / "slapd.conf"), "-l", str(folder / "data.ldif")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return certificates.ca


@contextlib.contextmanager
def slapd(
    folder: Path,
    *,
    host: str,
    ports: tuple[int, int],
    names: tuple[str, ...] = ("127.0.0.1",),
    within: tuple[str, ...] = (),
) -> Iterator[Slapd]:
    """Run one at `host`, LDAP and LDAPS at the two ports; `within` is put before its command."""
    program = need("slapd", "slapd")
    ca = _write(folder, names)
    plain, ldaps = (f"{host}:{port}" for port in ports)
    log = folder / "slapd.log"
    words = [*within, program, "-d", "stats", "-f", str(folder / "slapd.conf")]
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [*words, "-h", f"ldap://{plain} ldaps://{ldaps}"], stdout=output, stderr=output
        )
    running = Slapd(popen, log, ca, plain, ldaps)
    try:
        wait_until(lambda: b"slapd starting" in log.read_bytes(), 10, f"slapd starts: {tail(log)}")
        yield running
    finally:
        if popen.poll() is None:
            running.go_on()
        running.stop()
