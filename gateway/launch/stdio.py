"""Standard input and output as one socket, whatever they are: pipes, a terminal, a file.

Two threads copy, so that descriptors which other programs share stay blocking and files, which an event
loop cannot watch, work too.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import Final

CHUNK: Final = 64 * 1024


class Stdio:
    """Copies until both directions ended; `socket` is the other end."""

    def __init__(self, source: int = 0, sink: int = 1) -> None:
        self.socket, self._inner = socket.socketpair()
        self._source, self._sink = source, sink
        self._output = threading.Thread(target=self._copy_out, name="stdout")
        threading.Thread(target=self._copy_in, name="stdin", daemon=True).start()
        self._output.start()

    def wait(self) -> None:
        """Return when everything that came for standard output was written."""
        self._output.join()

    def _copy_in(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._source, CHUNK):
                self._inner.sendall(data)
            self._inner.shutdown(socket.SHUT_WR)

    def _copy_out(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._inner.recv(CHUNK):
                view = memoryview(data)
                while view:
                    view = view[os.write(self._sink, view) :]
        with contextlib.suppress(OSError):
            self._inner.shutdown(socket.SHUT_RD)
            os.close(self._sink)
