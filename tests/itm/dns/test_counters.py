from __future__ import annotations

from pathlib import Path

from itm.dns.counters import Counters, read_all, write


def test_files_of_all_workers(tmp_path: Path) -> None:
    """Each worker's file is read; rubbish is left out."""
    write(tmp_path / "dns-0.json", Counters().snapshot())
    write(tmp_path / "dns-1.json", {"queries": 5})
    (tmp_path / "dns-2.json").write_text("{")
    (tmp_path / "dns-3.json").write_text("[]")
    assert [content["queries"] for content in read_all(tmp_path)] == [0, 5]
    assert not list(tmp_path.glob(".*"))


def test_totals_survive_a_change_of_pops() -> None:
    """Counts stay under the POP's id."""
    counters = Counters()
    counters.use_pops(("a", "b"))
    counters.pops[1] += 3
    counters.use_pops(("b", "c"))
    counters.pops[0] += 4
    counters.pops[2] += 1
    assert counters.by_pop() == {"a": 0, "b": 7, "c": 0, "values": 1}
    assert counters.snapshot()["rcodes"]["NOERROR"] == 8
