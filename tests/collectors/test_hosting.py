from pathlib import Path

import pytest

from collectors.errors import HostingError
from collectors.hosting import load
from itm.config import Collect


def test_the_bundled_list_and_more() -> None:
    """The file that ships names large clouds and no access network; a setting adds to it."""
    bundled = set(load(Path(Collect().hosting)).tolist())
    assert {16509, 8075, 396982, 24940, 16276, 14061} <= bundled
    assert not {3320, 7922, 2516, 1221, 13335} & bundled
    assert set(load(Path(Collect().hosting), ["64500"]).tolist()) == bundled | {64500}
    assert load(None).tolist() == []


@pytest.mark.parametrize("line", ["AS1,x", ",x", "0,x", "4294967296,x", "-5,x", "٣,x"])
def test_what_is_no_number_is_named(tmp_path: Path, line: str) -> None:
    """A file that cannot be used says where, and nothing of it is used."""
    path = tmp_path / "hosting.csv"
    path.write_text(f"asn,operator\n64500,y\n{line}\n")
    with pytest.raises(HostingError, match="expected an AS number"):
        load(path)
    with pytest.raises(HostingError, match=r"'AS9': expected an AS number"):
        load(None, ["AS9"])
    with pytest.raises(HostingError, match=r"gone\.csv"):
        load(tmp_path / "gone.csv")
