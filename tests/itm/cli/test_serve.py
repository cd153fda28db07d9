import argparse
import os
import pwd
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from itm.__main__ import main
from itm.cli import serve, settings
from itm.config import Config, Demo, Dns
from itm.ops.claim import state_lock
from itm.routemap import current
from tests.itm.ops.test_listen import taken


def test_the_processes_of_one_machine() -> None:
    """One edge, one builder, the DNS workers; the demo's probe targets only with the demo."""
    config = Config(dns=Dns(workers=2))
    words = ("--set", "dns.workers=2")
    assert [child.name for child in serve.thinking(words)] == ["edge", "collector", "builder"]
    assert [child.name for child in serve.answering(config, words)] == ["dns-0", "dns-1", "signer"]
    demo = serve.answering(replace(config, demo=Demo(enabled=True)), words)
    assert [child.name for child in demo] == ["dns-0", "dns-1", "signer", "targets"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root has root to keep from others")
def test_a_program_that_knows_no_user_is_started_as_one() -> None:
    """The demo's gateway gets no root in reserve; without `user` it is what we are."""
    config = Config(demo=Demo(enabled=True, gateway_port=1))
    assert [child.ids for child in serve.accompanying(config)] == [None]
    nobody = pwd.getpwnam("nobody")
    ids = (nobody.pw_uid, nobody.pw_gid)
    assert [child.ids for child in serve.accompanying(replace(config, user="nobody"))] == [ids]


def test_every_child_reads_the_settings_of_serve() -> None:
    """The words are handed on; the command line parses with the worker's own parser."""
    parser = argparse.ArgumentParser()
    settings.configure(parser)
    args = parser.parse_args(["--set", "dns.workers=2", "--demo"])
    config = settings.config_of(args)
    words = settings.words_of(args)
    for child in (*serve.answering(config, words), *serve.thinking(words)):
        assert child.argv[:4] == (sys.executable, "-m", "itm", "worker")
        worker_parser = argparse.ArgumentParser()
        from itm.cli import worker

        worker.configure(worker_parser)
        parsed = worker_parser.parse_args(child.argv[4:])
        assert settings.config_of(parsed) == config
        assert parsed.supervisor == os.getpid(), "it would outlive us"


def test_a_second_instance_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the setting `state` and exits 2, before anything is touched."""
    monkeypatch.setattr("itm.log.configure", lambda _: None)
    with state_lock(tmp_path):
        assert main(["serve", "--set", f"state={tmp_path}"]) == 2
    assert capsys.readouterr().err.startswith(f"itm: state: {tmp_path} is in use")
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_taken_port_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the setting and the address, and leaves no database behind."""
    monkeypatch.setattr("itm.log.configure", lambda _: None)
    free = ["--set", "dns.listen=127.0.0.1:0", "--set", "public.listen=127.0.0.1:0"]
    with taken() as listen:
        words = ["serve", "--set", f"state={tmp_path}", *free, "--set", f"ops.listen={listen}"]
        assert main(words) == 2
    assert capsys.readouterr().err.startswith(f"itm: ops.listen: cannot listen on TCP {listen}")
    assert not (tmp_path / "itm.db").exists()


FREE = (
    "--set",
    "dns.listen=127.0.0.1:0",
    "--set",
    "public.listen=127.0.0.1:0",
    "--set",
    "ops.listen=127.0.0.1:0",
)


def test_without_a_map_a_damaged_store_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the very first start there is nothing to answer: it names the setting and exits 2."""
    monkeypatch.setattr("itm.log.configure", lambda _: None)
    (tmp_path / "itm.db").write_bytes(b"junk " * 1000)
    assert main(["serve", "--set", f"state={tmp_path}", *FREE]) == 2
    said = capsys.readouterr().err
    assert said.startswith("itm: store.url: cannot open the database: ")
    assert len(said.splitlines()) == 1


def test_with_a_map_nothing_is_asked_of_the_store_before_dns_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is left to the running server, which prepares it beside the answers."""
    monkeypatch.setattr("itm.log.configure", lambda _: None)
    (tmp_path / "maps").mkdir()
    current.publish(tmp_path / "maps", 1)
    (tmp_path / "itm.db").write_bytes(b"junk " * 1000)
    served: list[bool] = []

    async def serving(config: Config, words: tuple[str, ...], *, is_prepared: bool) -> None:
        served.append(is_prepared)

    monkeypatch.setattr(serve, "_serve", serving)
    assert main(["serve", "--set", f"state={tmp_path}", *FREE]) == 0
    assert served == [False]
