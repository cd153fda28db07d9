from __future__ import annotations

import stat
from pathlib import Path

from gateway.launch.file import read_launch_file
from tests.gateway.cli.conftest import Gateway


def test_from_nothing_to_a_launch_file(gateway: Gateway, tmp_path: Path) -> None:
    """Each command tells the next; the last writes a file that our launcher reads."""
    location = gateway("location", "create", "Berlin HQ")
    assert location.err == "next: itm-gateway connector token 'Berlin HQ'\n"
    token = gateway("connector", "token", "Berlin HQ")
    assert token.out.startswith("hdxe_")
    assert f"--broker https://localhost:8443 --ca ca.pem --token {token.out.strip()} --allow" in token.err
    resource = gateway("resource", "add", "office", "--location", "Berlin HQ", "--target", "10.0.0.5:3389")
    assert resource.err == (
        "next: itm-gateway user add NAME, then itm-gateway launch-file office --user NAME, or log in at https://localhost:8443/\n"
    )
    user = gateway("user", "add", "alice", stdin="correct horse\n")
    assert user.err == (
        "next: log in at https://localhost:8443/, or itm-gateway launch-file RESOURCE --user alice\n"
    )
    file = tmp_path / "office.ica"
    done = gateway("launch-file", "office", "--user", "alice", "-o", str(file))
    root = tmp_path / "broker" / "ca.pem"
    assert done.err == f"next: within 100 s: itm-gateway launch {file} --ca {root}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_launch_file(file).host == "localhost"


def test_a_file_on_stdout_is_the_product(gateway: Gateway) -> None:
    """Nothing else is printed there; two files hold two tickets."""
    gateway("location", "create", "x")
    gateway("resource", "add", "office", "--location", "x", "--target", "h:22")
    gateway("user", "add", "alice", stdin="correct horse\n")
    texts = [gateway("launch-file", "office", "--user", "alice").out for _ in range(2)]
    assert all(text.startswith("[Encoding]\n") for text in texts)
    assert texts[0] != texts[1]


def test_unknown_users_and_resources(gateway: Gateway) -> None:
    """One line that says what is missing, and how to make it."""
    done = gateway("launch-file", "office", "--user", "alice")
    assert (done.status, done.out) == (2, "")
    assert done.err == "itm-gateway: default has no user alice: itm-gateway user add alice\n"
    gateway("user", "add", "alice", stdin="correct horse\n")
    assert gateway("launch-file", "office", "--user", "alice").err == (
        "itm-gateway: default has no resource office\n"
    )
