from __future__ import annotations

import hashlib
import importlib
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from local_server import Reply, Server, serving

from fad_core.errors import WeightsError
from fad_core.weights.download import download

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
# Its name in the package is that of the function.
MODULE = importlib.import_module("fad_core.weights.download")


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "TIMEOUT", 0.5)
    monkeypatch.setattr(MODULE, "DELAYS", (0.01, 0.01, 0.01))


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(CONTENT) as served:
        yield served


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "hub" / "checkpoints" / "weights.pth"


def get(server: Server, target: Path, sha256: str = SHA256) -> None:
    download(server.url, target, sha256, progress=False)


def files(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def assert_right(target: Path) -> None:
    assert target.read_bytes() == CONTENT
    assert files(target) == ["weights.pth"]


def failure(call: Callable[[], None], server: Server | str, target: Path) -> str:
    """The message, which must always say where from, where to, and what else can be done."""
    with pytest.raises(WeightsError) as caught:
        call()
    message = str(caught.value)
    url = server if isinstance(server, str) else server.url
    for part in (
        url,
        str(target),
        'weights="seeded"',
        'weights="FILE"',
        "ckpt_dir",
        "put the file there yourself",
    ):
        assert part in message
    assert not target.exists()
    return message


def test_a_plain_download(server: Server, target: Path) -> None:
    get(server, target)
    assert_right(target)
    assert server.requests[0]["User-Agent"].startswith("fad-core/")
    assert target.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("sha256", [SHA256[:8], SHA256.upper(), ""])
def test_a_hash_may_be_given_by_its_first_digits_or_not_at_all(
    server: Server, target: Path, sha256: str
) -> None:
    get(server, target, sha256)
    assert_right(target)


def test_a_file_that_is_there_is_not_asked_for(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    Path(f"{target}.part").write_bytes(b"left when somebody put the whole file there by hand")
    get(server, target)
    assert server.requests == []
    assert target.read_bytes() == CONTENT
    assert not Path(f"{target}.part").exists()


def test_an_existing_wrong_file_is_refused_and_not_removed(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(b"mine")
    with pytest.raises(WeightsError, match="not the expected file"):
        get(server, target)
    assert target.read_bytes() == b"mine"
    assert files(target) == ["weights.pth"]


def test_a_slow_server(server: Server, target: Path) -> None:
    # Longer in all than the timeout, but never silent for that long.
    server.usual = Reply(block=len(CONTENT) // 8, pause=0.1)
    get(server, target)
    assert_right(target)
    assert len(server.requests) == 1


def test_a_server_that_falls_silent_is_given_up_and_asked_again(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "TIMEOUT", 0.2)
    server.replies.append(Reply(stall=2.0))
    get(server, target)
    assert_right(target)
    assert len(server.requests) == 2


def test_a_cut_connection_is_resumed(server: Server, target: Path) -> None:
    server.replies.append(Reply(cut_after=400_000))
    get(server, target)
    assert_right(target)
    assert server.ranges == [None, "bytes=400000-"]
    assert server.requests[1]["If-Range"] == '"one"'


def test_tries_that_get_on_are_not_counted(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "DELAYS", (0.01,))
    server.replies.extend(Reply(cut_after=150_000) for _ in range(6))
    get(server, target)
    assert_right(target)
    assert server.ranges[-1] == "bytes=900000-"


def test_a_connection_that_is_always_cut_leaves_what_the_next_call_goes_on_from(
    server: Server, target: Path
) -> None:
    server.replies.append(Reply(cut_after=300_000))
    server.usual = Reply(status=503)
    message = failure(lambda: get(server, target), server, target)
    assert "503" in message
    assert f"{target}.part, 300000 bytes" in message
    assert files(target) == ["weights.pth.part"]

    server.usual = Reply()
    server.requests.clear()
    get(server, target)
    assert_right(target)
    assert server.ranges == ["bytes=300000-"]


def test_without_a_hash_no_partial_file_is_left(server: Server, target: Path) -> None:
    server.replies.append(Reply(cut_after=300_000))
    server.usual = Reply(status=503)
    message = failure(lambda: get(server, target, ""), server, target)
    assert "partial file" not in message
    assert files(target) == []


def test_without_a_hash_what_another_process_left_is_not_used(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    Path(f"{target}.part").write_bytes(b"of unknown origin")
    get(server, target, "")
    assert_right(target)


def test_without_a_hash_a_cut_connection_is_resumed_within_the_call(server: Server, target: Path) -> None:
    server.replies.append(Reply(cut_after=400_000))
    get(server, target, "")
    assert_right(target)
    assert server.ranges == [None, "bytes=400000-"]


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_hash_and_a_version_a_cut_download_starts_again(
    server: Server, target: Path, etag: str
) -> None:
    server.etag = etag
    server.replies.append(Reply(cut_after=400_000))
    get(server, target, "")
    assert_right(target)
    assert server.ranges == [None, None]


def test_the_time_of_the_last_change_will_do_as_a_version(server: Server, target: Path) -> None:
    server.etag, server.last_modified = "", "Wed, 21 Oct 2015 07:28:00 GMT"
    server.replies.append(Reply(cut_after=400_000))
    get(server, target, "")
    assert_right(target)
    assert server.requests[1]["If-Range"] == server.last_modified


def test_a_server_without_ranges_sends_all_again(server: Server, target: Path) -> None:
    server.usual = Reply(ranges=False)
    server.replies.append(Reply(cut_after=400_000))
    get(server, target)
    assert_right(target)
    assert server.ranges == [None, "bytes=400000-"]


def test_a_server_without_ranges_that_always_cuts_is_given_up(server: Server, target: Path) -> None:
    server.usual = Reply(ranges=False, cut_after=400_000)
    message = failure(lambda: get(server, target), server, target)
    assert f"400000 of {len(CONTENT)} bytes" in message
    assert len(server.requests) == 1 + len(MODULE.DELAYS)
    assert f"partial file: {target}.part, 400000 bytes" in message


def test_a_file_that_changes_at_the_server_meanwhile(server: Server, target: Path) -> None:
    server.content, server.etag = b"old" * 100_000, '"old"'
    gate = threading.Event()
    server.replies.extend([Reply(cut_after=100_000), Reply(gate=gate)])
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(get, server, target)
        while len(server.requests) < 2:
            time.sleep(0.01)
        server.content, server.etag = CONTENT, '"new"'
        gate.set()
        result.result()
    assert_right(target)
    assert server.requests[1]["If-Range"] == '"old"'


@pytest.mark.parametrize("left", [b"of another file" * 1000, CONTENT + b"and more"])
def test_what_was_left_of_another_file_is_thrown_away(server: Server, target: Path, left: bytes) -> None:
    target.parent.mkdir(parents=True)
    Path(f"{target}.part").write_bytes(left)
    get(server, target)
    assert_right(target)
    assert server.ranges == [f"bytes={len(left)}-", None]


def test_a_download_that_was_whole_but_not_yet_renamed(server: Server, target: Path) -> None:
    target.parent.mkdir(parents=True)
    Path(f"{target}.part").write_bytes(CONTENT)
    get(server, target)
    assert_right(target)
    assert server.ranges == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("sha256", [SHA256, ""])
def test_a_range_that_was_not_asked_for(server: Server, target: Path, sha256: str) -> None:
    server.replies.extend([Reply(cut_after=400_000), Reply(shifted=True)])
    get(server, target, sha256)
    assert_right(target)
    assert server.ranges == [None, "bytes=400000-", None]


def test_a_server_that_does_not_say_how_much_it_sends(server: Server, target: Path) -> None:
    server.usual = Reply(length=False)
    get(server, target)
    assert_right(target)


def test_wrong_bytes_leave_nothing(server: Server, target: Path) -> None:
    server.content = b"<html>please log in</html>"
    message = failure(lambda: get(server, target), server, target)
    assert hashlib.sha256(server.content).hexdigest() in message
    assert SHA256 in message
    assert files(target) == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_file_that_is_not_there_is_not_asked_for_again(server: Server, target: Path, status: int) -> None:
    target.parent.mkdir(parents=True)
    Path(f"{target}.part").write_bytes(b"left from before")
    server.usual = Reply(status=status)
    assert str(status) in failure(lambda: get(server, target), server, target)
    assert files(target) == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_server_in_trouble_is_asked_again(server: Server, target: Path, status: int) -> None:
    server.replies.extend([Reply(status=status), Reply(status=status)])
    get(server, target)
    assert_right(target)
    assert len(server.requests) == 3


def test_a_server_in_lasting_trouble(server: Server, target: Path) -> None:
    server.usual = Reply(status=500)
    assert "500" in failure(lambda: get(server, target), server, target)
    assert len(server.requests) == 1 + len(MODULE.DELAYS)
    assert files(target) == []


def test_no_server_at_all(target: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/weights.pth"
    call = lambda: download(url, target, SHA256, progress=False)  # noqa: E731
    assert "no connection" in failure(call, url, target)
    assert files(target) == []


def test_a_name_that_nobody_knows(target: Path) -> None:
    url = "http://weights.invalid/weights.pth"
    call = lambda: download(url, target, SHA256, progress=False)  # noqa: E731
    assert "no connection" in failure(call, url, target)
    assert files(target) == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        assert "CI" not in os.environ, "continuous integration needs openssl"
        pytest.skip("there is no openssl to make a certificate with")
    path = tmp_path / "certificate.pem"
    options = "-newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(path), "-out", f"{path}.certificate"]
    subprocess.run([openssl, "req", "-x509", *options.split(), *files], check=True, capture_output=True)
    with path.open("ab") as stream:
        stream.write(Path(f"{path}.certificate").read_bytes())
    return path


def test_a_refused_certificate_is_not_tried_again(
    certificate: Path, target: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with serving(CONTENT, certificate) as server:
        message = failure(lambda: get(server, target), server, target)
        assert "the certificate of the server was refused (self-signed certificate)" in message
        assert "SSL_CERT_FILE" in message
        assert "trying again" not in caplog.text
        assert server.requests == []
        assert files(target) == []

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        get(server, target)
        assert_right(target)


def test_a_proxy_is_used(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url.rpartition("/")[0])
    download("http://weights.invalid/weights.pth", target, SHA256, progress=False)
    assert_right(target)
    assert server.requests[0]["path"] == "http://weights.invalid/weights.pth"


def test_a_folder_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("a file where the folder should be")
    target = tmp_path / "hub" / "checkpoints" / "weights.pth"
    failure(lambda: get(server, target), server, target)


CALL = """
import resource, signal, sys
from pathlib import Path
from fad_core.weights.download import download
module = sys.modules["fad_core.weights.download"]
module.TIMEOUT, module.DELAYS = 5.0, ()
url, target, sha256, limit = sys.argv[1:]
if int(limit):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
download(url, Path(target), sha256)
"""


def start(server: Server, target: Path, limit: int = 0) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", CALL, server.url, str(target), SHA256, str(limit)]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_disk_that_fills_up(server: Server, target: Path) -> None:
    process = start(server, target, limit=500_000)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "writing failed (File too large)" in errors
    assert files(target) == []


def test_a_killed_download_is_resumed(server: Server, target: Path) -> None:
    part = Path(f"{target}.part")
    server.replies.append(Reply(block=50_000, pause=0.05))
    with start(server, target) as process:
        wait_until(lambda: part.exists() and part.stat().st_size >= 200_000)
        process.send_signal(signal.SIGKILL)
    assert files(target) == ["weights.pth.part"]
    left = part.stat().st_size
    get(server, target)
    assert_right(target)
    assert server.ranges == [None, f"bytes={left}-"]


def test_two_processes_at_once(server: Server, target: Path) -> None:
    server.usual = Reply(block=100_000, pause=0.03)
    with start(server, target) as one, start(server, target) as two:
        assert (one.wait(20), two.wait(20)) == (0, 0)
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 1
    assert not Path(f"{target}.part").exists()


def test_many_threads_at_once(server: Server, target: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for result in [pool.submit(get, server, target) for _ in range(8)]:
            result.result()
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 1
    assert not Path(f"{target}.part").exists()


def test_the_second_goes_on_where_the_first_was_killed(server: Server, target: Path) -> None:
    part = Path(f"{target}.part")
    server.replies.append(Reply(block=50_000, pause=0.1))
    with start(server, target) as one:
        wait_until(lambda: part.exists() and part.stat().st_size >= 200_000)
        with start(server, target) as two:
            assert two.stderr is not None
            assert "waiting for another process" in two.stderr.readline()
            one.send_signal(signal.SIGKILL)
            assert two.wait(20) == 0
    assert target.read_bytes() == CONTENT
    assert server.requests[1]["Range"].startswith("bytes=")


def test_a_bar_is_shown_on_a_terminal_only(server: Server, target: Path) -> None:
    process = start(server, target)
    assert process.communicate(timeout=20)[1] == ""
    target.unlink()

    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (25, 100))
    arguments = [sys.executable, "-c", CALL, server.url, str(target), SHA256, "0"]
    subprocess.run(arguments, stderr=follower, check=True, timeout=20)
    os.close(follower)
    shown = os.read(leader, 1 << 16).decode()
    os.close(leader)
    assert "weights.pth:" in shown
    assert "1.05M" in shown


def test_tqdm_is_not_needed(server: Server, target: Path) -> None:
    without = "import sys; sys.modules['tqdm'] = None\n" + CALL
    arguments = [sys.executable, "-c", without, server.url, str(target), SHA256, "0"]
    subprocess.run(arguments, check=True, timeout=20)
    assert_right(target)
