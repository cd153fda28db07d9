"""The pages as text: HTML that works without script, says what is wrong where it is, and can be read aloud.

Every value goes through `escape`. Takes what is to be shown, knows neither requests nor the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final
from urllib.parse import quote

from gateway.broker.offers import Offer
from gateway.workspace.kinds import kind_of

_FRAME: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Workspace</title>
<link rel="icon" href="/workspace/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/workspace/style.css">{more}
</head>
<body class="{kind}">
<a class="skip" href="#content">Skip to the content</a>
{body}
</body>
</html>
"""

_MARK: Final = (
    '<svg class="mark" viewBox="0 0 32 32" aria-hidden="true">'
    '<rect x="3" y="5" width="26" height="18" rx="3"/><path d="M11 28h10M16 23v5"/>'
    '<path class="way" d="M8 14h10m-4-4 4 4-4 4"/></svg>'
)

_LOGIN: Final = """\
<main id="content" class="card">
<p class="brand">{mark}<span>Workspace</span></p>
<h1>Log in</h1>
{tenant}{alert}<form method="post" action="{action}">
<label for="user">User name</label>
<input id="user" name="user" value="{user}" autocomplete="username" autocapitalize="none" spellcheck="false"
 maxlength="256" required{focus_user}{described}>
{hint}<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024"
 required{focus_password}{fault}>
<button type="submit">Log in</button>
</form>
</main>
"""
_HINT: Final = """\
<p class="hint" id="hint">Of another organisation? Write <code>organisation\\name</code>.</p>
"""
_PARTED: Final = '<p class="notice calm" role="status">You are logged out.</p>\n'

_SHELL: Final = """\
<header>
<p class="brand">{mark}<span>Workspace</span></p>
<form method="post" action="/logout"><span class="user">{user}</span>
<input type="hidden" name="form" value="{token}">
<button type="submit" class="quiet">Log out</button></form>
</header>
<main id="content">
<h1>Your resources</h1>
{alert}{notices}{offers}
</main>
"""

_OFFER: Final = """\
<li class="offer">
<div class="what"><h2>{name}</h2>
<p class="facts"><span class="kind">{kind}</span> <span class="place">at {location}</span></p>
{about}</div>
<form method="post" action="/apps/{path}/launch">
<input type="hidden" name="form" value="{token}">
<button type="submit">Open<span class="aside"> {name}</span></button>
</form>
</li>
"""

_NOTHING: Final = """\
<div class="nothing"><h2>Nothing here yet</h2>
<p>You are logged in, but no desktop or application is yours so far. Ask whoever runs this Workspace, and
tell them your user name: <strong>{user}</strong>.</p></div>
"""

_HOW: Final = """\
<details class="how">
<summary>How to open the file</summary>
<p><em>Open</em> downloads a small launch file. It opens one session, once, within {seconds} seconds; take a
new one every time.</p>
<pre><code>itm-gateway launch ~/Downloads/NAME.ica --listen 127.0.0.1:PORT</code></pre>
<p>Then point the program for the resource at that port:</p>
<dl>
{clients}</dl>
<p>If your gateway uses its own authority, <a href="/authority/ca.pem" download="ca.pem">download its
certificate</a> and add <code>--ca ca.pem</code>.</p>
</details>
"""


def login_page(*, tenant: str = "", user: str = "", fault: str = "", has_left: bool = False) -> str:
    """Return the page to log in to: of a tenant, with what went wrong, after a log-out."""
    described = " ".join(["fault"] * bool(fault) + ["hint"] * (not tenant))
    body = _LOGIN.format(
        mark=_MARK,
        tenant=f'<p class="tenant">{escape(tenant)}</p>\n' if tenant else "",
        hint="" if tenant else _HINT,
        alert=_alert(fault) + _PARTED * has_left,
        action=f"/t/{quote(tenant, safe='')}/login" if tenant else "/login",
        user=escape(user),
        focus_user="" if user else " autofocus",
        focus_password=" autofocus" if user else "",
        fault=' aria-describedby="fault"' if fault else "",
        described=f' aria-describedby="{described}"' if described else "",
    )
    more = '\n<link rel="stylesheet" href="/workspace/parting.css">' if has_left else ""
    return _FRAME.format(title="Log in", kind="login", body=body, more=more)


def resources_page(
    *,
    user: str,
    token: str,
    offers: Sequence[Offer],
    lifetime_seconds: float,
    notices: Sequence[str] = (),
    fault: str = "",
) -> str:
    """Return the page of what a user may open; `token` goes into its forms."""
    if offers:
        listed = "".join(_offer(offer, token) for offer in offers)
        shown = f'<ul class="offers" role="list">\n{listed}</ul>\n{_how(offers, lifetime_seconds)}'
    else:
        shown = _NOTHING.format(user=escape(user))
    body = _SHELL.format(
        mark=_MARK,
        user=escape(user),
        token=token,
        alert=_alert(fault),
        notices="".join(f'<p class="notice" role="status">{escape(text)}</p>\n' for text in notices),
        offers=shown,
    )
    return _FRAME.format(title="Your resources", kind="resources", body=body, more="")


def fault_page(title: str, text: str) -> str:
    """Return a page that says what went wrong and leads back."""
    body = (
        f'<main id="content" class="card"><p class="brand">{_MARK}<span>Workspace</span></p>'
        f'<h1>{escape(title)}</h1>{_alert(text)}<p><a href="/">Back to the Workspace</a></p></main>'
    )
    return _FRAME.format(title=escape(title), kind="login", body=body, more="")


def _alert(text: str) -> str:
    return f'<p class="alert" id="fault" role="alert">{escape(text)}</p>\n' if text else ""


def _offer(offer: Offer, token: str) -> str:
    return _OFFER.format(
        name=escape(offer.name),
        kind=escape(kind_of(offer.kind).label),
        location=escape(offer.location),
        about=f'<p class="about">{escape(offer.about)}</p>' if offer.about else "",
        path=quote(offer.id, safe=""),
        token=token,
    )


def _how(offers: Sequence[Offer], lifetime_seconds: float) -> str:
    kinds = dict.fromkeys(kind_of(offer.kind) for offer in offers)
    clients = "".join(
        f"<dt>{escape(kind.label)}</dt><dd><code>{escape(kind.client)}</code></dd>\n" for kind in kinds
    )
    return _HOW.format(seconds=f"{lifetime_seconds:.0f}", clients=clients)
