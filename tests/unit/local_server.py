"""A real HTTP or HTTPS server on this machine that can be told to fail in many ways."""

from __future__ import annotations

import re
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Reply:
    """How one request is answered; by default: correctly, with ranges.

    Attributes:
        status: any status other than 200 is sent without the file.
        cut_after: bytes after which the connection is closed.
        ranges: whether `Range` is supported.
        block: bytes sent at once.
        pause: seconds before each block.
        stall: seconds of silence before anything is sent.
        gate: wait for this event before anything is sent.
        shifted: answer a range with one that starts elsewhere.
        length: send a Content-Length.
    """

    status: int = 200
    cut_after: int | None = None
    ranges: bool = True
    block: int = 1 << 16
    pause: float = 0.0
    stall: float = 0.0
    gate: threading.Event | None = None
    shifted: bool = False
    length: bool = True


@dataclass
class Server:
    """The content of the server, the same under every path, and the requests that it received."""

    url: str
    content: bytes
    etag: str = '"one"'
    last_modified: str = ""
    replies: deque[Reply] = field(default_factory=deque)
    usual: Reply = field(default_factory=Reply)
    requests: list[dict[str, str]] = field(default_factory=list)

    @property
    def ranges(self) -> list[str | None]:
        """The `Range` of each request so far."""
        return [request.get("Range") for request in self.requests]


class _Handler(BaseHTTPRequestHandler):
    server: _HttpServer

    def do_GET(self) -> None:
        served = self.server.served
        served.requests.append({**self.headers, "path": self.path})
        reply = served.replies.popleft() if served.replies else served.usual
        if reply.gate is not None:
            reply.gate.wait(10)
        if self.server.closing.wait(reply.stall):
            return
        if reply.status != 200:
            self.send_error(reply.status)
            return
        self._send(served, reply, self._offset(served, reply))

    def _offset(self, served: Server, reply: Reply) -> int | None:
        """Where the answer starts; None: at the start of the whole file."""
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        version = self.headers.get("If-Range")
        if not reply.ranges or wanted is None or version not in (None, served.etag, served.last_modified):
            return None
        return int(wanted[1])

    def _send(self, served: Server, reply: Reply, offset: int | None) -> None:
        total = len(served.content)
        if offset is not None and offset >= total:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if offset is not None and reply.shifted:
            offset += 1
        self.send_response(200 if offset is None else 206)
        if offset is not None:
            self.send_header("Content-Range", f"bytes {offset}-{total - 1}/{total}")
        if served.etag:
            self.send_header("ETag", served.etag)
        if served.last_modified:
            self.send_header("Last-Modified", served.last_modified)
        body = served.content[offset or 0 :]
        if reply.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for start in range(0, len(body[: reply.cut_after]), reply.block):
            if self.server.closing.wait(reply.pause):
                return
            self.wfile.write(body[: reply.cut_after][start : start + reply.block])

    def log_message(self, *_: object) -> None:
        """Write nothing."""


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    served: Server
    closing: threading.Event

    def handle_error(self, *_: object) -> None:
        """Ignore clients that close the connection, as many tests do."""


@contextmanager
def serving(content: bytes, certificate: Path | None = None) -> Iterator[Server]:
    """Serve `content` on a free port of 127.0.0.1, by HTTPS if a certificate with its key is given."""
    server = _HttpServer(("127.0.0.1", 0), _Handler)
    scheme = "http"
    if certificate is not None:
        scheme, context = "https", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.closing = threading.Event()
    server.served = Server(f"{scheme}://127.0.0.1:{server.server_port}/weights.pth", content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.served
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
