"""Standard input and output as a socket."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.launch.stdio import Stdio


def test_a_file_in_a_pipe_out(tmp_path: Path) -> None:
    """A file, which an event loop cannot watch, is read to its end; what is written comes out, then EOF."""
    (tmp_path / "in").write_bytes(b"from stdin" * 10_000)
    source = os.open(tmp_path / "in", os.O_RDONLY)
    reading, sink = os.pipe()
    stdio = Stdio(source, sink)
    got = b""
    while data := stdio.socket.recv(65536):
        got += data
    assert got == b"from stdin" * 10_000
    stdio.socket.sendall(b"to stdout")
    stdio.socket.close()
    stdio.wait()
    assert os.read(reading, 100) == b"to stdout"
    assert os.read(reading, 100) == b""
    os.close(source)
    os.close(reading)
