"""Download files; an interrupted download is resumed, and a file gets its name only when it is complete.

Bytes are written to `TARGET.part` beside the target, which is renamed to the target when its sha256 is
correct. The `.part` is locked while a process writes to it: a second process waits, and then finds the file,
or continues the download.

A resumed download must be of the same file. Within one call the server compares its version (`If-Range`).
Bytes that an earlier process left are used only if the hash of the whole file is known; if the result has
another hash, the file is downloaded once more from the start.

Proxies are taken from the usual variables (`https_proxy`, `no_proxy`, …).
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import logging
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from fad_core.errors import WeightsError
from fad_core.util.progress import progress_bar
from fad_core.util.version import __version__
from fad_core.weights.checksums import checked_sha256

WITHOUT_DOWNLOAD = (("weights", "FILE"), ("ckpt_dir", "FOLDER"), ("weights", "seeded"))
"""Settings that make the download unnecessary."""

_logger = logging.getLogger(__name__)

_BLOCK_BYTES = 1 << 18
# HTTP statuses that may be temporary.
_TEMPORARY_STATUS = {408, 425, 429, *range(500, 600)}


TIMEOUT = 30.0
"""Seconds without a connection, or without a byte, that count as a failure."""

DELAYS = (1.0, 3.0, 9.0)
"""Seconds before the second, third, … try. The count starts anew after a try that got further."""


def download(url: str, target: Path, sha256: str = "", *, progress: bool = True) -> None:
    """Download a file, unless it is there already.

    Args:
        url: http or https.
        target: final path; its folder is made if need be.
        sha256: what the file must have: 64 hex digits, or its first ones; "" if unknown.
        progress: show a bar on a terminal, or a line now and then in a log, on stderr.

    Raises:
        WeightsError: the file could not be downloaded, or is not the expected one. The message gives the
            reason, the partial file if it can be resumed, and ways to go on without the download.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(part) as stream:
            if target.exists():  # Another process was faster.
                stream.truncate(0)
                checked_sha256(target, sha256)
                return
            _Transfer(url, stream, sha256.lower(), progress).run()
            os.fsync(stream.fileno())
            part.replace(target)
    except (_FailedError, OSError) as error:
        reason = str(error)
        if isinstance(error, OSError):
            reason = f"{error.filename or target.parent}: {error.strerror}"
        size = part.stat().st_size if os.access(part, os.R_OK) else 0
        partial = f"\n  partial file: {part}, {size} bytes; the next attempt resumes it" if size else ""
        raise WeightsError(
            f"cannot download {target.name}: {reason}\n  from: {url}\n  to:   {target}{partial}\n"
            "To go on without this download, put the file there yourself, or choose a copy of it, the "
            "folder of a copy, or seeded weights, which need no file (and are not the published model):",
            WITHOUT_DOWNLOAD,
        ) from error


@contextmanager
def _locked(path: Path) -> Iterator[FileIO]:
    """Open a file, created if necessary, for reading and appending by this process only.

    Wait until other processes have closed it. The operating system releases the lock when the process ends,
    for whatever reason, and there is no lock file. Within the context, the file may be renamed or emptied; if
    it is empty at the end, it is removed.

    Raises:
        OSError: it cannot be opened, or its file system has no locks.
    """
    while True:
        with FileIO(path, "a+") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _logger.warning("waiting for another process that is writing %s", path)
                fcntl.flock(stream, fcntl.LOCK_EX)
            if not _is_at(stream, path):  # renamed or removed meanwhile, so that others do not see this lock
                continue
            try:
                yield stream
            finally:
                if _is_at(stream, path) and os.fstat(stream.fileno()).st_size == 0:
                    path.unlink()
            return


def _is_at(stream: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


class _FailedError(Exception):
    """Further attempts would not help."""


class _InterruptedError(Exception):
    """A further attempt may succeed."""


class _Transfer:
    """Download from a URL into an open, locked `.part`."""

    def __init__(self, url: str, stream: FileIO, sha256: str, progress: bool) -> None:
        self.url, self.stream, self.sha256, self.progress = url, stream, sha256, progress
        # By what the server tells versions of the file apart; "" if it does not, or was not asked yet.
        self.validator = ""
        self.resumed = False

    def run(self) -> None:
        """Download all bytes and check their hash."""
        for _ in range(2):
            self._get_with_retries()
            self.stream.seek(0)
            digest = hashlib.file_digest(self.stream, "sha256").hexdigest()
            if digest.startswith(self.sha256):
                return
            size, resumed = self._size(), self.resumed
            self._restart()
            if not resumed:
                break
            _logger.warning(
                "%s: the partial file of an earlier download is of another file; starting again", self.url
            )
        received = f"{size} bytes with sha256 {digest}, expected {self.sha256}"
        raise _FailedError(f"the downloaded data is not the expected file and was removed: {received}")

    def _get_with_retries(self) -> None:
        delays, furthest = iter(DELAYS), self._size()
        while True:
            try:
                return self._get()
            except (_InterruptedError, http.client.HTTPException, OSError) as error:
                reason = _reason(error)
                if self._size() > furthest:
                    furthest, delays = self._size(), iter(DELAYS)
                delay = next(delays, None)
                if delay is None:
                    if not self.sha256:
                        self._restart()  # Without a hash, a later process could not resume it.
                    raise _FailedError(reason) from error
                _logger.warning("%s: %s; trying again in %g s", self.url, reason, delay)
                time.sleep(delay)

    def _get(self) -> None:
        """Request all bytes, or the missing ones."""
        if not (self.sha256 or self.validator):
            self._restart()
        offset = self._size()
        headers = {"User-Agent": f"fad-core/{__version__}", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if self.validator:
                headers["If-Range"] = self.validator
        try:
            # A new opener each time, since it reads the proxy variables when it is created.
            opener = urllib.request.build_opener()
            request = urllib.request.Request(self.url, headers=headers)
            with opener.open(request, timeout=TIMEOUT) as response:
                self._receive(response, offset)
        except urllib.error.HTTPError as error:
            error.close()
            beyond = error.code == 416 and offset
            if beyond and error.headers.get("Content-Range", "").strip() == f"bytes */{offset}":
                self.resumed = True  # the partial file is complete
                return
            if error.code not in _TEMPORARY_STATUS:
                self._restart()
            kind = _InterruptedError if beyond or error.code in _TEMPORARY_STATUS else _FailedError
            raise kind(f"the server answered {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise _FailedError(_certificate_reason(error.reason)) from error
            raise

    def _receive(self, response: http.client.HTTPResponse, offset: int) -> None:
        if offset and response.status == 206:
            span = response.headers.get("Content-Range", "").strip()
            if not span.startswith(f"bytes {offset}-"):
                self._restart()
                raise _InterruptedError(f"the server sent another part than requested ({span})")
            self.resumed = True
        elif offset:  # The server does not support ranges, or has a new version of the file.
            self._restart()
            offset = 0
        # `If-Range` accepts a strong ETag or, if there is none, the time of the last change.
        etag = response.headers.get("ETag", "")
        self.validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
        length = response.headers.get("Content-Length", "")
        total = offset + int(length) if length.isdigit() else None
        name = self.url.rpartition("/")[2]
        with progress_bar(name, total, not self.progress, "bytes", offset) as advance:
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
            self._restart()  # The disk may be full: free its space.
            reason = f"writing failed ({error.strerror}); the partial file was removed"
            raise _FailedError(reason) from error

    def _restart(self) -> None:
        self.stream.truncate(0)
        self.validator, self.resumed = "", False

    def _size(self) -> int:
        return os.fstat(self.stream.fileno()).st_size


def _reason(error: Exception) -> str:
    """Return the reason of a failed connection in one line."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "the server did not answer in time"
    if isinstance(cause, OSError) and cause.strerror:
        return f"no connection ({cause.strerror})"
    if isinstance(cause, http.client.HTTPException):
        return f"the connection was cut ({cause!r})"
    return str(cause)


def _certificate_reason(error: ssl.SSLCertVerificationError) -> str:
    return (
        f"the certificate of the server was refused ({error.verify_message}). If your network replaces "
        "certificates, set SSL_CERT_FILE to a file with its certificate authority"
    )
