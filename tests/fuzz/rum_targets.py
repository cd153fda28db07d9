"""What browsers send to the collector, as functions of bytes that may raise nothing."""

from __future__ import annotations

import json
import math
from typing import Final

from collectors.network import Network
from collectors.rum import nel
from collectors.rum.budget import Budgets
from collectors.rum.popfinder import PopFinder
from tests.fuzz.target import Target

NETWORK: Final = Network.of("133.11.0.1")
NOW: Final = 1_700_000_000.0
POPS: Final = PopFinder(
    [("https://fra.probe.example.net:8443/x", "fra"), ("https://[2001:db8::1]", "tyo")],
    [("ams.gw.example.net.", "ams")],
    [("192.0.2.1", "fra"), ("2001:db8::1", "tyo")],
)
_REPORT: Final = {
    "type": "network-error", "age": 29, "url": "https://fra.probe.example.net:8443/x/r.gif",
    "body": {"sampling_fraction": 0.5, "server_ip": "192.0.2.1", "protocol": "h2", "method": "GET",
             "status_code": 503, "elapsed_time": 143, "phase": "application", "type": "http.error",
             "referrer": "https://shop.example/"},
}  # fmt: skip


def read_reports(raw: bytes) -> None:
    """Only availability comes out, of POPs we have, within the hour; nothing is both taken and refused."""
    budgets = Budgets(per_network=0, overall=0)
    result = nel.parse(raw, network=NETWORK, client=7, now=NOW, pops=POPS, budgets=budgets)
    for one in result.accepted:
        assert (one.metric, one.source, one.network) == ("availability", "nel", NETWORK)
        assert one.pop in {"fra", "ams", "tyo"}
        assert one.value in {0.0, 1.0}
        assert math.isclose(one.time, NOW, abs_tol=nel.MAX_AGE_MS / 1000)
        assert one.time <= NOW
    assert len(result.accepted) <= nel.MAX_REPORTS * nel.MAX_WEIGHT
    assert all(refusal.text.isascii() and len(refusal.text) < 300 for refusal in result.refused)


TARGETS: Final[dict[str, Target]] = {
    "rum_nel": Target(
        read_reports,
        (
            json.dumps([_REPORT]).encode(),
            json.dumps({**_REPORT, "url": "https://AMS.gw.example.net./", "age": 0.5}).encode(),
            b'[{"type":"network-error","age":1e999,"body":{"type":"tcp.refused","phase":"connection"}},7]',
        ),
        (),
    ),
}
