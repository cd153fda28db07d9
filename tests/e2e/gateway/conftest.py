"""What the gateway's end-to-end tests share: one running gateway with two POPs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.gateway.stack import Stack, gateway


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a gateway with POPs `pop-a` (which launch files name) and `pop-b`."""
    with gateway(tmp_path_factory.mktemp("gateway"), pops=("pop-a", "pop-b")) as running:
        yield running
