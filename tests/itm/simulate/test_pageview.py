import pytest

from itm.errors import ItmError, Refused
from itm.simulate.pageview import PageViews
from tests.itm.cli.ops_server import serving

PROBE = {"pop": "fra", "token": "t", "url": "http://fra/probe/v1/r.gif", "large_url": None}
ITEM = {"pop": "fra", "metric": "rtt_ms", "value": 5, "token": "t"}


def test_a_page_view_asks_and_reports() -> None:
    """A session's probes, and none where nothing is to be measured; a beacon that is taken says nothing."""
    answers = {
        "POST /rum/v1/session": [(200, {"session": "s", "probes": [PROBE]}), (204, b"")],
        "POST /rum/v1/beacon": (204, b""),
    }
    with serving(answers) as server:
        views = PageViews(server.url.removeprefix("http://"))
        assert views.session("133.11.0.1") == [PROBE]
        assert views.session("133.11.0.1") == []
        views.report("133.11.0.1", [ITEM])
        assert server.asked[-1].body == [ITEM]


def test_what_is_refused_is_an_error() -> None:
    """A measurement, a whole request, and a server that is not there."""
    refusal = {"accepted": 1, "refused": [{"index": 1, "code": "token_used", "text": "used"}]}
    answers = {
        "POST /rum/v1/session": (503, {"error": "later"}),
        "POST /rum/v1/beacon": (200, refusal),
    }
    with serving(answers) as server:
        views = PageViews(server.url.removeprefix("http://"))
        with pytest.raises(ItmError, match="token_used"):
            views.report("133.11.0.1", [ITEM, ITEM])
        with pytest.raises(Refused, match="later") as caught:
            views.session("133.11.0.1")
        assert caught.value.status == 503
    with pytest.raises(Refused, match="is `itm serve` running"):
        views.report("133.11.0.1", [ITEM])
