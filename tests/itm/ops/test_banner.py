import shlex

from itm.__main__ import _parser
from itm.config import Config, Dns
from itm.ops import banner


def commands(text: str) -> list[list[str]]:
    """Return the commands of a banner as words: the lines that stand five spaces in."""
    return [shlex.split(line) for line in text.splitlines() if line.startswith("     ")]


def test_the_commands_of_the_banner_are_commands() -> None:
    """Every `itm` line parses with the real command's parser, with the settings of an odd server too."""
    options = ("--set", "ops.listen=127.0.0.1:1", "--set", "dns.listen=127.0.0.1:2")
    text = banner.demo(Config(), "az-jp-e", ".venv/bin/itm", options, has_dig=False)
    found = commands(text)
    assert [words[1] for words in found] == ["query"] * 3 + ["why", "demo", "query", "pop"]
    for words in found:
        assert words[0] == ".venv/bin/itm"
        assert _parser(words[1:2]).parse_args(words[1:])


def test_dig_is_used_where_there_is_one() -> None:
    """Three networks of three continents, then the first one again."""
    config = Config(dns=Dns(listen=("[::1]:5353",)))
    text = banner.demo(config, "az-jp-e", "itm", has_dig=True)
    digs = [words for words in commands(text) if words[0] == "dig"]
    assert digs[0] == ["dig", "@::1", "-p", "5353", "gw.example.net", "+subnet=133.11.0.0/24", "+short"]
    assert digs[0] == digs[3]
    assert len({tuple(words) for words in digs}) == 3


def test_the_demo_says_what_it_trusts_and_whom_it_credits() -> None:
    """X-Forwarded-For from loopback is the one thing that is not as in production."""
    text = banner.demo(Config(), "az-jp-e", "itm")
    assert "believes X-Forwarded-For from 127.0.0.0/8" in text
    assert "IP Geolocation by DB-IP (https://db-ip.com)" in text


def test_a_server_without_catalog_says_what_to_do() -> None:
    """Ready for the first apply."""
    assert "itm catalog apply" in banner.plain({"store": "no catalog is live"})
    assert banner.plain({}) == "Ready."


def test_where_everything_listens() -> None:
    """All three listeners and the state directory."""
    text = banner.where(Config())
    for part in ("127.0.0.1:5300", "127.0.0.1:8080", "127.0.0.1:8053", str(Config().state_dir)):
        assert part in text
