"""The least that can answer an order: one connection at a time, one answer made beforehand, no thought."""

import socket
import threading

from benchmarks.children import say_ready, wait_for_end

_BODY = (
    b'{"id":"1","text":"t-test-1.1","currency_pair":"C0000_USDT","type":"market","account":"spot","side":"buy",'
    b'"amount":"25","filled_amount":"0.25","filled_total":"25","status":"closed","finish_as":"filled"}'
)
_ANSWER = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY) + _BODY


def main() -> None:
    """Serve until the benchmark ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(listener,), daemon=True).start()
    say_ready(f"http://127.0.0.1:{listener.getsockname()[1]}/api/v4")
    wait_for_end()


def _serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            while _read_request(connection):
                connection.sendall(_ANSWER)


def _read_request(connection: socket.socket) -> bool:
    """One request, whole; False when the other side is gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65_536)
        if not more:
            return False
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return True


if __name__ == "__main__":
    main()
