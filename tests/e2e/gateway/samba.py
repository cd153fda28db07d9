"""A real Active Directory domain of our own (Samba AD DC): provisioned in a folder, run in a namespace.

Its LDAP ports are 389 and 636, so it needs a network to itself. `ann` is in `Team`, which is in `Staff`.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.gateway.namespaces import Namespace
from tests.gateway.certificates import Certificates
from tests.programs import need, tail, wait_until

BASE = "dc=corp,dc=example"
READER, READER_PASSWORD = "reader@corp.example", "reads All 1"
STAFF = f"cn=Staff,cn=Users,{BASE}"
PASSWORD = "A long enough 1"


def _tool(config: Path, *words: str) -> None:
    command = [need("samba-tool", "samba"), *words, "--configfile", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"


def _provision(folder: Path, address: str) -> Path:
    """Make the domain with its users and groups; return its smb.conf."""
    need("samba", "samba-ad-provision")
    words = ("domain", "provision", "--realm", "CORP.EXAMPLE", "--domain", "CORP", "--server-role", "dc")
    how = ("--dns-backend", "NONE", "--adminpass", PASSWORD, "--host-name", "dc1", "--host-ip", address)
    _tool(Path("/dev/null"), *words, *how, "--targetdir", str(folder))
    config = folder / "etc" / "smb.conf"
    text = config.read_text().partition("[global]")[2].partition("\n[")[0]
    kept = [line for line in text.splitlines() if "server services" not in line and "log file" not in line]
    identity = folder / "dc.pem"
    folders = ("pid directory", "ncalrpc dir", "ntp signd socket directory", "winbindd socket directory")
    settings: dict[str, object] = {name: folder / name.split()[0] for name in folders}
    settings |= {"tls keyfile": identity, "tls certfile": identity, "tls cafile": folder / "ca.pem"}
    settings["server services"] = "ldap"
    (folder / "pid").mkdir()
    lines = [f"{name} = {value}" for name, value in settings.items()]
    config.write_text("\n".join(["[global]", *kept, *lines]) + "\n")
    for name, password in (
        ("reader", READER_PASSWORD),
        ("ann", PASSWORD),
        ("off", PASSWORD),
        ("old", PASSWORD),
    ):
        more = ("--must-change-at-next-login",) if name == "old" else ()
        _tool(config, "user", "create", name, password, *more)
    _tool(config, "user", "disable", "off")
    for group, member in (("Team", "ann"), ("Staff", "Team")):
        _tool(config, "group", "add", group)
        _tool(config, "group", "addmembers", group, member)
    return config


@contextlib.contextmanager
def domain(folder: Path, lan: Namespace, address: str) -> Iterator[Path]:
    """Run the domain controller at the namespace's address; gives the CA's file."""
    folder.mkdir()
    certificates = Certificates(folder)
    certificates.server("dc.pem", names=(address, "dc1.corp.example")).chmod(0o600)
    config = _provision(folder, address)
    log = folder / "samba.log"
    words = [*lan.within, need("samba", "samba"), "-i", "-M", "single", "--configfile", str(config)]
    with log.open("wb") as output:
        popen = subprocess.Popen(words, stdout=output, stderr=output, stdin=subprocess.PIPE)
    try:

        def listens() -> bool:
            assert popen.poll() is None, tail(log)
            return ":636 " in lan.run("ss", "-ltn").stdout

        wait_until(listens, 60, f"the domain controller listens: {tail(log)}")
        yield certificates.ca
    finally:
        popen.kill()
        popen.wait()
