"""What to tell people about a kind of resource: its name, and the program that shows it once it is open."""

from __future__ import annotations

from typing import Final, NamedTuple


class Kind(NamedTuple):
    """Words for people; `client` is a command for the port where the launcher listens."""

    label: str
    client: str


OTHER: Final = Kind("Service", "your program at 127.0.0.1:PORT")
KINDS: Final = {
    "hdx": Kind("HDX desktop", "the Workspace client, which opens the file by itself"),
    "app": Kind("Application", "the Workspace client, which opens the file by itself"),
    "rdp": Kind("Windows desktop", "xfreerdp /v:127.0.0.1:PORT"),
    "vnc": Kind("Desktop", "vncviewer 127.0.0.1::PORT"),
    "ssh": Kind("Terminal", "ssh -p PORT 127.0.0.1"),
    "web": Kind("Web site", "a browser at 127.0.0.1:PORT"),
}


def kind_of(word: str) -> Kind:
    """Return the words for a kind of `gateway.broker.offers`."""
    return KINDS.get(word, OTHER)
