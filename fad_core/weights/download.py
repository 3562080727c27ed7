"""Downloads that can be cut off at any point: resumed, checked, and moved into place whole.

Bytes are collected in `TARGET.part` beside the target and get the target's name when their sha256 is
right. The `.part` is locked while a process writes to it, so that two at once do not spoil each other's
work: the second waits, and finds the file, or goes on from what the first has left.

What is resumed must be of the same file. Within one call the server is asked for that (`If-Range`). Bytes
that an earlier process left are only used where the hash of the whole is known; if the whole turns out to
have another, it is fetched once more from the start.

Proxies are taken from the usual variables (`https_proxy`, `no_proxy`, …).
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from io import FileIO
from pathlib import Path

from fad_core.errors import WeightsError
from fad_core.util.version import __version__
from fad_core.weights.byte_bar import byte_bar
from fad_core.weights.checksums import checked_sha256
from fad_core.weights.locked_file import locked_file

_logger = logging.getLogger(__name__)

_BLOCK_BYTES = 1 << 18
# Answers that may be others a moment later.
_PASSING_STATUS = {408, 425, 429, *range(500, 600)}


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server.

    Attributes:
        timeout: seconds without a connection, or without a byte, that count as a failure.
        delays: seconds before the second, third, … try. The count starts anew after a try that got
            further than all before it.
    """

    timeout: float = 30.0
    delays: tuple[float, ...] = (1.0, 3.0, 9.0)


def download(
    url: str, target: Path, sha256: str = "", *, progress: bool = True, patience: Patience | None = None
) -> None:
    """Make the file at `url` be at `target`, if it is not there yet.

    Args:
        url: http or https.
        target: final path; its folder is made if need be.
        sha256: what the file must have: 64 hex digits, or its first ones; "" if unknown.
        progress: show a bar on stderr, if that is a terminal and tqdm is installed.
        patience: timeouts and tries; None: the default ones.

    Raises:
        WeightsError: it could not be had, or is not the right file. Says why, what is left behind (a `.part`,
            if it can be resumed), and how to do without the download.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked_file(_part(target)) as stream:
            if target.exists():  # Another process was faster.
                stream.truncate(0)
                checked_sha256(target, sha256)
                return
            _Transfer(url, stream, sha256.lower(), patience or Patience(), progress).run()
            os.fsync(stream.fileno())
            _part(target).replace(target)
    except (_FailedError, OSError) as error:
        raise WeightsError(_explain(url, target, error), _WITHOUT) from error


class _FailedError(Exception):
    """Further tries would not help."""


class _InterruptedError(Exception):
    """A further try may do."""


class _Transfer:
    """Fills one open, locked `.part` from a URL."""

    def __init__(self, url: str, stream: FileIO, sha256: str, patience: Patience, progress: bool) -> None:
        self.url, self.stream, self.sha256 = url, stream, sha256
        self.patience, self.progress = patience, progress
        # By what the server tells versions of the file apart; "" if it does not, or was not asked yet.
        self.validator = ""
        self.resumed = False

    def run(self) -> None:
        """Get all bytes and check them."""
        self._get_with_retries()
        digest = self._digest()
        if self.resumed and not digest.startswith(self.sha256):
            _logger.warning(
                "%s: the partial file of an earlier download does not fit; starting again", self.url
            )
            self._restart()
            self._get_with_retries()
            digest = self._digest()
        if not digest.startswith(self.sha256):
            size = self._size()
            self._restart()
            came = f"{size} bytes with sha256 {digest}, expected {self.sha256}"
            raise _FailedError(f"the downloaded data was wrong and has been removed: {came}")

    def _get_with_retries(self) -> None:
        delays = iter(self.patience.delays)
        furthest = self._size()
        while True:
            try:
                return self._get()
            except (_InterruptedError, http.client.HTTPException, OSError) as error:
                reason = _reason(error)
                if self._size() > furthest:
                    furthest, delays = self._size(), iter(self.patience.delays)
                delay = next(delays, None)
                if delay is None:
                    if not self.sha256:
                        self._restart()  # Without a hash, no later process could go on from it.
                    raise _FailedError(reason) from error
                _logger.warning("%s: %s; trying again in %g s", self.url, reason, delay)
                time.sleep(delay)

    def _get(self) -> None:
        """One request, for all bytes or those that are missing."""
        if not (self.sha256 or self.validator):
            self._restart()
        offset = self._size()
        headers = {"User-Agent": f"fad-core/{__version__}", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if self.validator:
                headers["If-Range"] = self.validator
        try:
            # Made anew each time: the proxy variables are read when it is.
            opener = urllib.request.build_opener()
            request = urllib.request.Request(self.url, headers=headers)
            with opener.open(request, timeout=self.patience.timeout) as response:
                self._receive(response, offset)
        except urllib.error.HTTPError as error:
            self._refused(error, offset)
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise _FailedError(f"the server's certificate was rejected: {error.reason}") from error
            raise

    def _refused(self, error: urllib.error.HTTPError, offset: int) -> None:
        error.close()
        if error.code == 416 and offset:  # Nothing comes after `offset`.
            if error.headers.get("Content-Range", "").strip() == f"bytes */{offset}":
                self.resumed = True
                return
            self._restart()
            raise _InterruptedError(
                "the partial file of an earlier download is longer than the file"
            ) from error
        answer = f"the server answered {error.code} {error.reason}"
        if error.code in _PASSING_STATUS:
            raise _InterruptedError(answer) from error
        self._restart()
        raise _FailedError(answer) from error

    def _receive(self, response: http.client.HTTPResponse, offset: int) -> None:
        if offset and response.status == 206:
            span = response.headers.get("Content-Range", "").strip()
            if not re.match(rf"bytes {offset}-", span):
                self._restart()
                raise _InterruptedError(f"the server sent another part than requested ({span})")
            self.resumed = True
        elif offset:  # The server knows no ranges, or has another file by now.
            self._restart()
            offset = 0
        self.validator = _validator(response.headers)
        length = response.headers.get("Content-Length", "")
        total = offset + int(length) if length.isdigit() else None
        name = self.url.rpartition("/")[2]
        with byte_bar(name, total, offset, wanted=self.progress) as advance:
            while block := response.read1(_BLOCK_BYTES):
                self._write(block)
                advance(len(block))
        # A cut connection looks like the end of the file.
        if total is not None and self._size() < total:
            raise _InterruptedError(f"the connection was cut after {self._size()} of {total} bytes")

    def _write(self, block: bytes) -> None:
        rest = memoryview(block)
        try:
            while rest:
                rest = rest[self.stream.write(rest) :]
        except OSError as error:
            self._restart()  # Give a full disk its space back.
            reason = f"writing failed ({error.strerror}); the partial file was removed"
            raise _FailedError(reason) from error

    def _restart(self) -> None:
        self.stream.truncate(0)
        self.validator, self.resumed = "", False

    def _size(self) -> int:
        return os.fstat(self.stream.fileno()).st_size

    def _digest(self) -> str:
        self.stream.seek(0)
        return hashlib.file_digest(self.stream, "sha256").hexdigest()


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _validator(headers: Message) -> str:
    """What `If-Range` may be asked with: a strong ETag, else the time of the last change."""
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified", "")


def _reason(error: Exception) -> str:
    """One line for a failed connection."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "the server did not answer in time"
    if isinstance(cause, OSError) and cause.strerror:
        return f"no connection ({cause.strerror})"
    if isinstance(cause, http.client.HTTPException):
        return f"the connection was cut ({cause!r})"
    return str(cause)


_WITHOUT = (("weights", "PATH"), ("ckpt_dir", "FOLDER"), ("weights", "seeded"))
"""Settings that need no download."""


def _explain(url: str, target: Path, error: Exception) -> str:
    """The final message: what failed, where from and to, what is left, what else can be done."""
    reason = str(error)
    if isinstance(error, OSError):
        reason = f"{error.filename or target.parent}: {error.strerror}"
    part = _part(target)
    left = part.stat().st_size if os.access(part, os.R_OK) else 0
    kept = f"\n  kept: {part}, {left} bytes; the next attempt resumes there" if left else ""
    return (
        f"cannot download {target.name}: {reason}\n  from: {url}\n  to:   {target}{kept}\n"
        "To go on without this download, put the file there by hand, or choose a copy of it, the folder of a "
        "copy, or seeded weights, which need no file (and are not the published model):"
    )
