import pytest

from collectors.rum.popfinder import PopFinder, place_of

FINDER = PopFinder(
    urls=[
        ("https://fra.probe.example.net", "fra"),
        ("https://Probe.example.net:8443/tyo", "tyo"),
        ("https://both.example.net/a", "ams"),
        ("https://both.example.net/b", "lon"),
        ("nonsense", "osl"),
    ],
    names=[("tyo.gw.example.net.", "tyo")],
    addresses=[("192.0.2.1", "fra"), ("192.0.2.2", "tyo"), ("2001:db8::1", "tyo"), ("junk", "osl")],
)


@pytest.mark.parametrize(
    ("url", "pop"),
    [
        ("https://fra.probe.example.net/probe/v1/r.gif?x=1", "fra"),
        ("https://FRA.probe.example.net.:443/", "fra"),
        ("https://fra.probe.example.net:444/", None),
        ("http://fra.probe.example.net/", None),
        ("https://probe.example.net:8443/elsewhere", "tyo"),
        ("https://probe.example.net/", None),
        ("https://tyo.gw.example.net/", "tyo"),
        ("https://tyo.gw.example.net:9443/", "tyo"),
        ("https://user:word@tyo.gw.example.net/", "tyo"),
        ("https://gw.example.net/", None),
        ("https://both.example.net/a", None),
        ("wss://fra.probe.example.net/", None),
        ("https://fra.probe.example.net:x/", None),
        ("https://[::1/", None),
        ("", None),
        ("https://", None),
    ],
)
def test_a_url_leads_to_the_pop_it_names(url: str, pop: str | None) -> None:
    """By host and port; POPs' own names do at any port; a host of two POPs names neither."""
    assert FINDER.by_url(url) == pop


@pytest.mark.parametrize(
    ("text", "pop"),
    [
        ("192.0.2.1", "fra"),
        ("::ffff:192.0.2.1", "fra"),
        ("64:ff9b::c000:202", "tyo"),
        ("2001:0db8::0001", "tyo"),
        ("[2001:db8::1]", "tyo"),
        ("192.0.2.3", None),
        ("", None),
        ("junk", None),
    ],
)
def test_an_address_is_the_pop_s_in_any_spelling(text: str, pop: str | None) -> None:
    """Also as a phone in an IPv6-only network writes it (NAT64); what is no address never matches."""
    assert FINDER.by_address(text) == pop


def test_a_port_that_is_not_written_is_the_scheme_s() -> None:
    """Zero is a port, if a strange one."""
    assert place_of("https://a.test/") == ("a.test", 443)
    assert place_of("http://a.test/") == ("a.test", 80)
    assert place_of("https://a.test:0/") == ("a.test", 0)
