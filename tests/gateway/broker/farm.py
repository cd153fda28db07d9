"""A stand-in for a delivery controller: the XML service over plain HTTP, read with the standard library only.

No open controller exists; nmap's citrix scripts, which real ones answer, are its check (test_nfuse_nmap.py).
"""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Published:
    """An application; `users` empty: for everybody, anonymous ones too."""

    name: str
    target: str
    users: tuple[str, ...] = ()
    folder: str = ""
    description: str = ""
    is_desktop: bool = False
    is_disabled: bool = False


@dataclass
class Farm:
    """What a controller knows. `asked` holds the bodies of requests, the newest last."""

    published: list[Published] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    domain: str = "CORP"
    port: int = 0
    asked: list[bytes] = field(default_factory=list)
    answer: bytes | None = None
    """Sent instead of an answer."""
    status: int = 200

    def respond(self, body: bytes) -> bytes:
        self.asked.append(body)
        if self.answer is not None:
            return self.answer
        (request,) = ElementTree.fromstring(body)
        respond = getattr(self, f"_{request.tag}", None)
        if respond is None:
            return document("ResponseError", "<ErrorId>not-supported</ErrorId>")
        return document(request.tag.replace("Request", "Response"), respond(request))

    def _RequestAppData(self, request: ElementTree.Element) -> str:  # noqa: N802
        user = self._user(request)
        if user is None:
            return "<ErrorId>bad-credentials</ErrorId>"
        details = {each.text for each in request.iter("DesiredDetails")}
        shown = [app for app in self.published if not app.users or user in app.users]
        return (
            f'<AppDataSet><Scope traverse="onelevel"/>{"".join(data(a, details) for a in shown)}</AppDataSet>'
        )

    def _RequestAddress(self, request: ElementTree.Element) -> str:  # noqa: N802
        user, name = self._user(request), request.findtext("Name/AppName")
        for app in self.published:
            if f"{app.name}-id" == name and (not app.users or user in app.users):
                return (
                    f'<ServerAddress addresstype="dot-port">{app.target}</ServerAddress>'
                    "<ServerType>win32</ServerType><ConnectionType>tcp</ConnectionType>"
                    "<ClientType>ica30</ClientType>"
                )
        return "<ErrorId>unspecified</ErrorId><BrowserError>0x0000000E</BrowserError>"

    def _RequestValidateCredentials(self, request: ElementTree.Element) -> str:  # noqa: N802
        user = self._user(request)
        if user and self.passwords.get(user) == request.findtext("Credentials/Password"):
            return "<DaysUntilPasswordExpiry>30</DaysUntilPasswordExpiry>"
        return "<ErrorId>bad-credentials</ErrorId>"

    def _user(self, request: ElementTree.Element) -> str | None:
        """Return who is named; "" for nobody, None for somebody of another domain."""
        credentials = request.find("Credentials")
        if credentials is None:
            return ""
        domain = credentials.find("Domain")
        is_ours = domain is None or (domain.get("type"), domain.text) == ("NT", self.domain)
        return credentials.findtext("UserName") if is_ours else None


def data(app: Published, details: set[str | None]) -> str:
    """Return one application as the exchange describes it."""
    users = "".join(
        f'<User><UserName>{escape(name)}</UserName><Domain type="NT">CORP</Domain></User>'
        for name in app.users
    )
    flags = f'appisdisabled="{str(app.is_disabled).lower()}" appisdesktop="{str(app.is_desktop).lower()}"'
    access = f"<AccessList>{users or '<AnonymousUser/>'}</AccessList>" if "access-list" in details else ""
    return (
        f"<AppData><InName>{escape(app.name)}-id</InName><FName>{escape(app.name)}</FName>{access}<Details>"
        f"<Settings {flags}><Folder>{escape(app.folder)}</Folder>"
        f"<Description>{escape(app.description)}</Description>"
        '<Encryption minimum="true">basic</Encryption><PublisherName>farm</PublisherName>'
        "<SSLEnabled>false</SSLEnabled></Settings></Details></AppData>"
    )


def document(name: str, inside: str) -> bytes:
    """Return an answer, in the encoding that controllers use."""
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\r\n<!DOCTYPE NFuseProtocol SYSTEM "NFuse.dtd">\r\n'
        f'<NFuseProtocol version="5.0"><{name}>{inside}</{name}></NFuseProtocol>\r\n'
    )
    return text.encode("iso-8859-1", "xmlcharrefreplace")


@contextlib.contextmanager
def serving(farm: Farm, host: str = "127.0.0.1", port: int = 0) -> Iterator[Farm]:
    """Serve the farm; `farm.port` is where."""

    class Service(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_service = self.path.lower() == "/scripts/wpnbr.dll"  # IIS does not look at the case
            is_ours = is_service and self.headers["Content-Type"] == "text/xml"
            answer = farm.respond(body) if is_ours else b""
            self.send_response(farm.status if is_ours else 404)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer((host, port), Service) as server:
        farm.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield farm
        finally:
            server.shutdown()
            thread.join()
