"""A real HTTP server that answers like the ops API, from a table, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its body as JSON where there is one, and the token it carried."""

    method: str
    path: str
    body: Any
    authorization: str | None


@dataclass(slots=True)
class OpsServer:
    """Answers by `GET /path`: (status, body), or a list of those, one per request."""

    url: str
    answers: Mapping[str, Any]
    asked: list[Asked] = field(default_factory=list)

    def answer(self, request: Asked) -> tuple[int, bytes, Mapping[str, str]]:
        self.asked.append(request)
        found = self.answers.get(f"{request.method} {request.path}", (404, {"error": "no such thing"}))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        status, body, *headers = found
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return status, text, headers[0] if headers else {}


@contextmanager
def serving(answers: Mapping[str, Any]) -> Iterator[OpsServer]:
    """Serve on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            text = self.rfile.read(length)
            is_json = self.headers.get("Content-Type") == "application/json"
            body = json.loads(text) if is_json else text
            asked = Asked(self.command, self.path, body, self.headers.get("Authorization"))
            status, answer, headers = ops.answer(asked)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_DELETE = do_GET  # noqa: N815  the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ops = OpsServer(f"http://127.0.0.1:{server.server_port}", answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield ops
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
