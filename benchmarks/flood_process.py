"""Clients that mean no good, in a process of their own: `refused`, `new`, `dribble`, `deaf`."""

import socket
import sys
import threading
import time

from benchmarks.children import say_ready, wait_for_end

_CLIENTS = 64
_REFUSED = b"GET /api/overview HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"
_LARGE = b"GET /static/js/main.js HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" * 8


def main(port: int, kind: str) -> None:
    """So many clients, each on a thread of its own."""
    client = {"refused": _refused, "new": _new, "dribble": _dribble, "deaf": _deaf}[kind]
    for _ in range(_CLIENTS):
        threading.Thread(target=_again, args=(client, port), daemon=True).start()
    say_ready(kind)
    wait_for_end()


def _again(client: object, port: int) -> None:
    assert callable(client)
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client(wire, port)
        except OSError:
            time.sleep(0.001)  # cut off, as it should be


def _refused(wire: socket.socket, port: int) -> None:
    """One request after the other, as fast as they are refused."""
    while True:
        wire.sendall(_REFUSED % port)
        if not wire.recv(65_536):
            return


def _new(wire: socket.socket, port: int) -> None:
    """A connection for each request."""
    wire.sendall(_REFUSED % port)
    wire.recv(65_536)


def _dribble(wire: socket.socket, port: int) -> None:
    """A byte of a request now and then."""
    for byte in _REFUSED % port * 100:
        wire.sendall(bytes([byte]))
        time.sleep(0.01)


def _deaf(wire: socket.socket, port: int) -> None:
    """Asks for much and reads nothing."""
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.sendall(_LARGE % ((port,) * 8))
    time.sleep(5)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
