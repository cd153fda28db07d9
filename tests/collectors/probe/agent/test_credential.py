from __future__ import annotations

from pathlib import Path

from collectors.probe.agent.credential import FILE, UNPROVEN, enrolled, keep, propose


def test_the_same_credential_is_proposed_until_it_is_taken(tmp_path: Path) -> None:
    """An answer may be lost, and the process may be started again before it comes."""
    state = tmp_path / "made" / "here"
    assert enrolled(state) == ""
    first = propose(state)
    assert (len(first), propose(state)) == (43, first)
    assert (state / UNPROVEN).stat().st_mode & 0o777 == 0o600
    keep(state)
    assert enrolled(state) == first
    assert (state / FILE).stat().st_mode & 0o777 == 0o600
    assert propose(state) != first
