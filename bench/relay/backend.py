"""The backend: what a client's first byte asks for is what it gets; plain TCP or TLS.

`e` echoes for ever, `d` sends until the connection breaks, `u` swallows. Prints its port.
    python -m bench.relay.backend [CERTIFICATE]
"""

from __future__ import annotations

import select
import socket
import ssl
import sys
import threading

BLOCK = bytes(262_144)


def main() -> None:
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(listening.getsockname()[1], flush=True)
    echo = Echo()
    threading.Thread(target=echo.run, daemon=True).start()
    pool = threading.Semaphore(64)
    while True:
        sock, _ = listening.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pool.acquire()
        threading.Thread(target=_begin, args=(sock, context, echo, pool), daemon=True).start()


def _begin(
    sock: socket.socket, context: ssl.SSLContext | None, echo: Echo, pool: threading.Semaphore
) -> None:
    try:
        secure = context.wrap_socket(sock, server_side=True) if context else sock
        kind = secure.recv(1)
    except OSError:
        sock.close()
        return
    finally:
        pool.release()
    if kind == b"e":
        echo.take(secure)
        return
    try:
        buffer = bytearray(len(BLOCK))
        while secure.send(BLOCK) if kind == b"d" else secure.recv_into(buffer):
            pass
    except OSError:
        pass
    secure.close()


class Echo:
    """Echoes on any number of connections from one epoll loop."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}

    def take(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sockets[sock.fileno()] = sock
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def run(self) -> None:
        while True:
            for fd, _ in self._epoll.poll():
                sock = self._sockets[fd]
                try:
                    data = sock.recv(4096)
                    if data:
                        sock.send(data)
                        continue
                except (BlockingIOError, ssl.SSLWantReadError):
                    continue
                except OSError:
                    pass
                self._epoll.unregister(fd)
                del self._sockets[fd]
                sock.close()


if __name__ == "__main__":
    main()
