"""The CLI's client of the ops API."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from itm.cli.client import OpsClient, client_of, configure
from itm.errors import ConfigError, Refused
from tests.itm.cli.ops_server import serving


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "ops.token"
    path.write_text("itm_secret\n")
    return path


def test_json_there_and_back(token_file: Path) -> None:
    """Values arrive as they were sent, with the token; an empty answer is None."""
    answers = {
        "GET /a?x=1+2": (200, {"b": [1]}),
        "POST /a": (201, {"c": None}),
        "DELETE /a": (204, b""),
    }
    with serving(answers) as ops:
        client = OpsClient(ops.url + "/", token_file)
        assert client.get("/a", x="1 2", y=None) == {"b": [1]}
        assert client.post("/a", {"k": "v"}) == {"c": None}
        assert client.delete("/a") is None
    assert [asked.authorization for asked in ops.asked] == ["Bearer itm_secret"] * 3
    assert ops.asked[1].body == {"k": "v"}


def test_bytes_of_another_type(token_file: Path) -> None:
    """A file is sent as it is."""
    with serving({"POST /feed": (200, {})}) as ops:
        OpsClient(ops.url, token_file).send("POST", "/feed", b"a,b\n1,2\n", "text/csv")
    assert ops.asked[0].body == b"a,b\n1,2\n"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ((409, {"error": "moves 80 %"}), "moves 80 %"),
        ((422, {"error": "wrong", "reasons": ["a: x", "b: y"]}), "a: x\nb: y"),
        ((500, b"<html>"), "<html>"),
        ((500, b""), "HTTP status 500"),
        ((302, b"", {"Location": "http://127.0.0.1:1/"}), "HTTP status 302"),
    ],
)
def test_a_refusal_carries_status_and_reasons(token_file: Path, answer: object, text: str) -> None:
    """Whatever form it has, an error status is `Refused`; a redirect is not followed."""
    with serving({"POST /a": answer}) as ops, pytest.raises(Refused) as caught:
        OpsClient(ops.url, token_file).post("/a", {})
    assert caught.value.status == answer[0]  # type: ignore[index]
    assert str(caught.value) == text


def test_no_server() -> None:
    """When nobody listens, the message says what to start."""
    with serving({}) as ops:
        pass
    with pytest.raises(
        Refused, match=r"no answer from http://127\.0\.0\.1:\d+ \(.*\): is `itm serve` running\?"
    ):
        OpsClient(ops.url).get("/a")


def test_an_answer_that_is_no_json() -> None:
    """Another kind of server is told by its name."""
    with serving({"GET /a": (200, b"hello")}) as ops, pytest.raises(Refused, match="not a JSON answer"):
        OpsClient(ops.url).get("/a")


def test_reading_needs_no_token_changing_does(tmp_path: Path) -> None:
    """Without a readable token file one may look; a change fails before it is sent."""
    with serving({"GET /a": (200, {})}) as ops:
        client = OpsClient(ops.url, tmp_path / "none")
        client.get("/a")
        with pytest.raises(Refused, match="none: No such file or directory: name a token with --token-file"):
            client.post("/a", {})
    assert [(asked.method, asked.authorization) for asked in ops.asked] == [("GET", None)]


def test_which_server_is_meant(tmp_path: Path) -> None:
    """The settings name server and token; options override them."""
    parser = argparse.ArgumentParser()
    configure(parser)
    words = ["--set", "ops.listen=127.0.0.1:99", "--set", f"state={tmp_path}"]
    client = client_of(parser.parse_args(words))
    assert (client.base_url, client.token_file) == ("http://127.0.0.1:99", tmp_path / "ops.token")
    client = client_of(parser.parse_args([*words, "--server", "https://ops.example/", "--token-file", "t"]))
    assert (client.base_url, client.token_file) == ("https://ops.example", Path("t"))
    with pytest.raises(ConfigError, match="--server: expected http"):
        client_of(parser.parse_args(["--server", "file:///etc"]))
