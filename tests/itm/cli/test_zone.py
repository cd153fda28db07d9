"""`itm zone` against an API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from itm.__main__ import main
from tests.itm.cli.ops_server import OpsServer, serving

DS = "12345 13 2 " + "ab" * 32


def key(name: str, stage: str, **more: Any) -> dict[str, Any]:
    plain = {
        "key": name, "role": "csk", "algorithm": "ecdsa-p256", "tag": 12345, "stage": stage, "since": 1.7e9,
        "active_at": 1.7e9 + 7200 if stage == "published" else None, "ds": DS, "is_wanted_at_parent": False,
        "ds_seen_at": None,
    }  # fmt: skip
    return plain | more


def answer(*keys: dict[str, Any]) -> dict[str, Any]:
    return {"zone": "example.net.", "ds_ttl_seconds": 86400, "keys": list(keys)}


def run(ops: OpsServer, tmp_path: Path, *words: str) -> int:
    (tmp_path / "ops.token").write_text("itm_t")
    return main(["zone", *words, "--server", ops.url, "--set", f"state={tmp_path}"])


def test_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How each zone is signed, and until when."""
    how = {"algorithm": "ed25519", "keys": "csk", "zsk_days": 90}
    zones = [
        {"zone": "a.net.", "dnssec": how, "signatures_end_at": 1.7e9, "serials": [7], "secondaries": []},
        {"zone": "b.net.", "dnssec": None, "signatures_end_at": None, "serials": [], "secondaries": []},
    ]
    with serving({"GET /api/v1/zones": (200, {"zones": zones})}) as ops:
        assert run(ops, tmp_path, "list") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [["a.net.", "7", "ed25519", "csk", "2023-11-14", "22:13:20Z"], ["b.net.", *"---"]]


def test_list_with_secondaries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What each was told last, and when and what it answered."""
    told = {"address": "192.0.2.7", "port": 53, "key": "k.", "serial": 8, "tries": 1}
    secondaries = [
        told | {"answered_at": 1.7e9, "said": "NOERROR"},
        told | {"address": "2001:db8::7", "tries": 3, "answered_at": None, "said": ""},
    ]
    zone = {"zone": "a.net.", "dnssec": None, "signatures_end_at": None, "serials": [7, 8]}
    answer = {"zones": [zone | {"secondaries": secondaries}]}
    with serving({"GET /api/v1/zones": (200, answer)}) as ops:
        assert run(ops, tmp_path, "list") == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [
        "a.net. 7 8 - -",
        "",
        "ZONE SECONDARY TOLD OF ANSWERED SAID",
        "a.net. 192.0.2.7 53 8 2023-11-14 22:13:20Z NOERROR",
        "a.net. 2001:db8::7 53 8 - no answer yet (3 tries)",
    ]


def test_ds_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that a parent's zone file can take, of the wanted key only."""
    whole = answer(key("old", "active"), key("new", "active", is_wanted_at_parent=True))
    with serving({"GET /api/v1/zones/example.net/keys": (200, whole)}) as ops:
        assert run(ops, tmp_path, "ds", "example.net") == 0
    assert capsys.readouterr().out == f"example.net. IN DS {DS}\n"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], "The signer has made no key yet"),
        ([key("a", "active", is_wanted_at_parent=True)], f"The parent shall have: example.net. IN DS {DS}"),
        (
            [key("a", "active", is_wanted_at_parent=True), key("b", "published")],
            "b is being learned by caches until 2023-11-15 00:13:20Z: wait.",
        ),
        (
            [key("a", "active"), key("b", "active", is_wanted_at_parent=True)],
            "When the parent's servers answer with it: itm zone ds-seen example.net. b",
        ),
        (
            [key("a", "active"), key("b", "active", is_wanted_at_parent=True, ds_seen_at=1.7e9)],
            "The old DS leaves the caches until 2023-11-15 22:13:20Z: wait.",
        ),
        ([key("a", "retired"), key("b", "active", is_wanted_at_parent=True)], "nothing to do"),
    ],
)
def test_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], keys: list[dict[str, Any]], said: str
) -> None:
    """At every station of a rollover it says what comes next."""
    with serving({"GET /api/v1/zones/example.net/keys": (200, answer(*keys))}) as ops:
        assert run(ops, tmp_path, "keys", "example.net") == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (["roll", "example.net"], "/api/v1/zones/example.net/keys/roll"),
        (["ds-seen", "example.net", "k 1"], "/api/v1/zones/example.net/keys/k%201/ds-seen"),
    ],
)
def test_changes(tmp_path: Path, words: list[str], path: str) -> None:
    """A change is posted with the token."""
    with serving({f"POST {path}": (200, answer(key("a", "active", is_wanted_at_parent=True)))}) as ops:
        assert run(ops, tmp_path, *words) == 0
    assert [(asked.path, asked.authorization) for asked in ops.asked] == [(path, "Bearer itm_t")]


def test_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text as it is."""
    text = "a.net. 300 IN SOA a. b. 1 2 3 4 5\n"
    with serving({"GET /api/v1/zones/a.net/export": (200, {"zone": "a.net.", "text": text})}) as ops:
        assert run(ops, tmp_path, "export", "a.net") == 0
    assert capsys.readouterr().out == text
