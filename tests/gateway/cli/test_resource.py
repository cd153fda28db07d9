from __future__ import annotations

from tests.gateway.cli.conftest import Gateway


def test_resources_come_and_go(gateway: Gateway) -> None:
    """Listed with where they are and who may open them."""
    gateway("location", "create", "hq")
    gateway("user", "add", "alice", stdin="correct horse\n")
    add = ("resource", "add", "office", "--location", "hq", "--target", "[::1]:22", "--for", "alice")
    assert gateway(*add).err == (
        "next: itm-gateway launch-file office --user alice, or log in at https://localhost:8443/\n"
    )
    assert gateway(*add).err == "itm-gateway: default has a resource office\n"
    row = gateway("resource", "list").out.splitlines()[1].split()
    assert row[:4] == ["office", "hq", "[::1]:22", "some"]
    assert gateway("resource", "remove", "office").out == "office is removed\n"
    assert gateway("resource", "remove", "office").status == 2
    wrong = gateway("resource", "add", "x", "--location", "hq", "--target", "nowhere")
    assert wrong.err == "itm-gateway: target: expected host:port, got 'nowhere'\n"
