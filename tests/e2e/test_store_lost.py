"""A server whose store cannot be opened answers from its last map, and starts the rest when it can."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.e2e.conftest import StartServer
from tests.e2e.serving import children_of, serving
from tests.programs import need, wait_until

JAPAN = "133.11.0.0/24"


def test_a_damaged_store_keeps_no_answer_down(start: StartServer, tmp_path: Path) -> None:
    """The answers are those of before, within seconds; with the file restored, it is ready by itself."""
    need("dig", "dnsutils")
    server = start()
    before = server.address_for(JAPAN)
    assert before
    assert server.stop() == 0

    store, kept = tmp_path / "state" / "itm.db", tmp_path / "kept.db"
    shutil.move(store, kept)
    for name in ("itm.db-wal", "itm.db-shm"):
        store.with_name(name).unlink(missing_ok=True)
    store.write_bytes(b"junk " * 10_000)
    with serving(tmp_path / "state", {}, await_ready=False) as again:
        wait_until(lambda: again.address_for(JAPAN) == before, 10, "DNS answers without a store")
        wait_until(lambda: "store.unreachable" in again.log.read_text(), 10, "the lost store is told")
        assert len(children_of(again.process.pid)) == 3, (
            "only a DNS worker, the signer and the demo's targets run"
        )
        assert not again.is_ready()
        shutil.move(kept, store)
        wait_until(again.is_ready, 60, "the server is ready")
        assert again.address_for(JAPAN) == before
        assert again.stop() == 0
