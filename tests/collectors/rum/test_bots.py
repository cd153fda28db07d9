import pytest

from collectors.rum.bots import is_bot


@pytest.mark.parametrize(
    "name",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
        "facebookexternalhit/1.1",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/119.0 Safari/537.36 Chrome-Lighthouse",
        "Mozilla/5.0 (Linux) AppleWebKit/537.36 Chrome/119.0 Safari/537.36 PTST/231103",
        "Baiduspider",
    ],
)
def test_robots_name_themselves(name: str) -> None:
    """Crawlers, link previews and page testers."""
    assert is_bot(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 Chrome/119.0 Mobile",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/119.0",
        "curl/7.88.1",
        "x" * 600 + " bot",
    ],
)
def test_all_others_are_users(name: str) -> None:
    """Browsers, and programs that somebody runs to measure."""
    assert not is_bot(name)
