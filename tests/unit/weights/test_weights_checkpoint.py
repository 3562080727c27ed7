from __future__ import annotations

import io
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fake_models import ARRAYS, MAIN

from fad_core.errors import WeightsError
from fad_core.models.base import Checkpoint, Fill
from fad_core.weights import save_seeded_checkpoint, seeded_state
from fad_core.weights.checkpoint_file import read_checkpoint


def good(checkpoint: Checkpoint) -> dict[str, Any]:
    layout = checkpoint.layout()
    state = seeded_state(checkpoint)
    return {name: value.numpy() if layout[name].as_array else value for name, value in state.items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.pth"


def saved(content: object, path: Path, *, legacy: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def refusal(path: Path, checkpoint: Checkpoint = MAIN) -> str:
    with pytest.raises(WeightsError, match=re.escape(str(path))) as caught:
        read_checkpoint(path, checkpoint)
    message = str(caught.value)
    assert "weights_only" not in message  # PyTorch's advice to drop the protection.
    return message


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("checkpoint", [MAIN, ARRAYS])
def test_both_of_pytorchs_formats_are_read(checkpoint: Checkpoint, legacy: bool, path: Path) -> None:
    state = read_checkpoint(saved(good(checkpoint), path, legacy=legacy), checkpoint)
    expected = seeded_state(checkpoint)
    assert list(state) == sorted(expected)
    for name, tensor in expected.items():
        assert torch.equal(state[name], tensor)
        assert state[name].dtype == tensor.dtype


def test_whole_numbers_as_python_2_wrote_them(path: Path, tmp_path: Path) -> None:
    """In text, which the safe reader does not know: here keys of a dict beside the tensors."""
    numbers = [2**31 + 7, -(2**62), 0, 255]
    content = {"state": good(MAIN), "optim": dict.fromkeys(numbers, 0)}
    raw = saved(content, path, legacy=True).read_bytes()
    checkpoint = replace(MAIN, section=("state",))
    expected = read_checkpoint(path, checkpoint)
    for number in numbers[:2]:
        encoded = pickle.encode_long(number)
        assert raw.count(encoded) == 1
        raw = raw.replace(b"\x8a" + bytes([len(encoded)]) + encoded, b"I%d\n" % number)
    old = tmp_path / "old.pth"
    old.write_bytes(raw)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(old, weights_only=True)
    state = read_checkpoint(old, checkpoint)
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())


def test_a_program_beside_such_numbers_is_refused(path: Path) -> None:
    raw = saved({"state": good(MAIN), "of": re.compile("a"), 2**40: 0}, path, legacy=True).read_bytes()
    encoded = pickle.encode_long(2**40)
    path.write_bytes(raw.replace(b"\x8a" + bytes([len(encoded)]) + encoded, b"I%d\n" % 2**40))
    assert "holds more than tensors" in refusal(path)


@pytest.mark.parametrize("core", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_arrays_pickled_by_old_and_new_numpy(core: bytes, path: Path) -> None:
    saved(good(ARRAYS), path, legacy=True)
    names = re.compile(rb"cnumpy\._?core\.multiarray\n")
    assert names.search(path.read_bytes())
    path.write_bytes(names.sub(b"c" + core + b"\n", path.read_bytes()))
    assert torch.equal(read_checkpoint(path, ARRAYS)["means"], seeded_state(ARRAYS)["means"])


def test_arrays_of_another_order_and_precision(path: Path) -> None:
    content = good(ARRAYS)
    expected = {name: torch.from_numpy(array) for name, array in content.items()}
    content["eigen_vectors"] = np.asfortranarray(content["eigen_vectors"].astype(">f8"))
    state = read_checkpoint(saved(content, path), ARRAYS)
    assert state["eigen_vectors"].dtype == torch.float32
    assert torch.equal(state["eigen_vectors"], expected["eigen_vectors"])


def test_parameters_and_half_precision(path: Path) -> None:
    content = good(MAIN)
    content["features.0.bias"] = torch.nn.Parameter(content["features.0.bias"].half())
    bias = read_checkpoint(saved(content, path), MAIN)["features.0.bias"]
    assert bias.dtype == torch.float32
    assert not bias.requires_grad


def test_all_differences_are_listed(path: Path) -> None:
    content = good(MAIN)
    del content["features.0.bias"]
    content["features.1.bias"] = torch.ones(4)
    content["features.0.weight"] = torch.ones(4, 1, 5, 5)
    content["norm.num_batches_tracked"] = torch.tensor(7.0)
    content["norm.running_var"] = 3
    message = refusal(saved(content, path))
    assert "tiny.pth" in message
    assert "features.0.bias [4] is missing" in message
    assert "features.1.bias: unexpected" in message
    assert "features.0.weight: shape [4, 1, 5, 5], should be [4, 1, 3, 3]" in message
    assert "norm.num_batches_tracked: type torch.float32, should be torch.int64" in message
    assert "norm.running_var [4] is not a tensor" in message


def test_a_long_list_of_differences_is_cut(path: Path) -> None:
    content = {f"layer.{index}": torch.ones(1) for index in range(100)}
    message = refusal(saved(content, path))
    assert "; and 96 more" in message
    assert len(message) < 1000


@pytest.mark.parametrize("content", [[1, 2], torch.ones(3), "text"])
def test_something_else_than_named_tensors(content: object, path: Path) -> None:
    assert "not a checkpoint" in refusal(saved(content, path))


class RunsAProgram:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


class Anything:
    pass


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("checkpoint", [MAIN, ARRAYS])
@pytest.mark.parametrize("wrap", [lambda evil: evil, lambda evil: np.array([evil], dtype=object)])
def test_a_file_that_would_run_a_program_does_not(
    wrap: Any, checkpoint: Checkpoint, legacy: bool, path: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    name = min(checkpoint.layout())
    saved({**good(checkpoint), name: wrap(RunsAProgram(trace))}, path, legacy=legacy)
    assert "holds more than tensors" in refusal(path, checkpoint)
    assert not trace.exists()
    # The file is a working trap for those who read it without protection.
    torch.load(path, weights_only=False)
    assert trace.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_bare_pickle_that_would_run_a_program_does_not(path: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path.write_bytes(pickle.dumps({"a": RunsAProgram(trace)}))
    refusal(path)
    assert not trace.exists()


@pytest.mark.parametrize("content", [Anything(), torch.nn.Linear(2, 2), eval, {"a": Anything()}])
def test_other_objects_are_refused_by_name(content: object, path: Path) -> None:
    message = refusal(saved(content, path))
    assert "holds more than tensors" in message
    assert any(name in message for name in ("Anything", "Linear", "eval"))


def test_arrays_do_for_tensors(path: Path) -> None:
    expected = good(MAIN)
    saved({name: tensor.numpy() for name, tensor in expected.items()}, path)
    found = read_checkpoint(path, MAIN)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    "array", [np.array([None] * 3), np.array(["a", "b", "c"]), np.zeros(3, "M8[s]"), np.zeros(3, "c16")]
)
def test_arrays_of_something_else_than_plain_numbers(array: np.ndarray, path: Path) -> None:
    assert "means [3] is not a tensor" in refusal(saved({**good(ARRAYS), "means": array}, path), ARRAYS)


class ForgedArray:
    """A pickle that says of 24 bytes that they are more."""

    def __init__(self, shape: object, code: str, data: object) -> None:
        self.state = (1, shape, np.dtype(code), False, data)

    def __reduce__(self) -> tuple[Any, ...]:
        function, arguments, _ = np.zeros(3).__reduce__()
        return function, arguments, self.state


@pytest.mark.parametrize(
    ("shape", "data"),
    [((1 << 40,), b"x" * 24), ((3, "4"), b"x" * 24), ((3,), b"x" * 23), ((3,), [1.0] * 3), ([3], b"x" * 24)],
)
def test_forged_arrays(shape: object, data: object, path: Path) -> None:
    content = {**good(ARRAYS), "means": ForgedArray(shape, "f8", data)}
    refusal(saved(content, path), ARRAYS)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_cut_anywhere(legacy: bool, path: Path) -> None:
    whole = saved(good(ARRAYS), path, legacy=legacy).read_bytes()
    for size in range(0, len(whole), 13):
        path.write_bytes(whole[:size])
        message = refusal(path, ARRAYS)
        assert "cut short" in message or "holds more than tensors" in message


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("legacy", [False, True])
def test_broken_bytes_never_do_worse_than_an_error(legacy: bool, path: Path) -> None:
    whole = saved(good(ARRAYS), path, legacy=legacy).read_bytes()
    random = np.random.default_rng(0)
    for _ in range(300):
        broken = np.frombuffer(whole, dtype=np.uint8).copy()
        broken[random.integers(0, len(whole), 3)] = random.integers(0, 256, 3)
        path.write_bytes(broken.tobytes())
        try:
            read_checkpoint(path, ARRAYS)
        except WeightsError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize("text", ["", "<html>404</html>", "RIFF....WAVEfmt ", "PK\x03\x04"])
def test_files_of_another_kind(text: str, path: Path) -> None:
    path.write_text(text)
    assert f"not a PyTorch checkpoint, or is cut short ({len(text)} bytes)" in refusal(path)


def test_a_missing_file_and_a_folder(path: Path, tmp_path: Path) -> None:
    assert "No such file" in refusal(path)
    assert "directory" in refusal(tmp_path)


def test_tensors_may_be_used_after_the_file_is_gone(path: Path) -> None:
    state = read_checkpoint(saved(good(MAIN), path), MAIN)
    path.unlink()
    stream = io.BytesIO()
    torch.save(state, stream)
    assert torch.equal(state["features.0.weight"], seeded_state(MAIN)["features.0.weight"])


NESTED = replace(
    MAIN,
    section=("state_dict",),
    prefix="module.",
    scope=("features.", "norm."),
    unused=lambda: {
        "norm.running_mean": Fill((4,), mean=0.5),
        "text.embeddings": Fill((50_000, 768), mean=1.0),
        "text.position_ids": Fill((1, 3), dtype="int64", values=lambda: np.arange(3).reshape(1, 3)),
    },
)


def test_tensors_deep_in_a_file_that_holds_more(path: Path) -> None:
    """As a training script leaves it: nested, prefixed, with the state of its optimizer and NumPy numbers."""
    tensors = {f"module.{name}": tensor for name, tensor in good(MAIN).items()}
    tensors |= {"module.text.anything": torch.ones(3), "module.norm.running_mean": torch.ones(4)}
    content = {
        "epoch": 3,
        "loss": np.float64(0.25),
        "order": np.arange(9),
        "optimizer": {"state": {0: torch.ones(5)}},
        "state_dict": tensors,
    }
    for legacy in (False, True):
        found = read_checkpoint(saved(content, path, legacy=legacy), NESTED)
        assert found.keys() == good(MAIN).keys()
    tensors["module.norm.extra"] = torch.ones(1)
    assert "norm.extra: unexpected" in refusal(saved(content, path), NESTED)
    assert "has no entry 'state_dict'" in refusal(saved(tensors, path), NESTED)


def test_a_seeded_file_has_what_only_the_original_uses_and_stays_small(path: Path) -> None:
    save_seeded_checkpoint(NESTED, path)
    assert path.stat().st_size < 20_000
    assert read_checkpoint(path, NESTED).keys() == good(MAIN).keys()
    tensors = torch.load(path, weights_only=True)["state_dict"]
    assert torch.equal(tensors["module.text.embeddings"], torch.ones(50_000, 768))
    assert tensors["module.text.position_ids"].tolist() == [[0, 1, 2]]


def test_the_other_half_of_a_large_file_is_not_read(path: Path) -> None:
    """400 MB beside the tensors that are wanted; what another process gains is a small part of that."""
    content = {"state_dict": {f"module.{name}": value for name, value in good(MAIN).items()}}
    content["state_dict"]["module.text.embeddings"] = torch.ones(100_000_000)
    saved(content, path)
    code = (
        "import resource, sys; sys.path[:0] = sys.argv[2:]; import torch\n"
        "from pathlib import Path\n"
        "from test_weights_checkpoint import NESTED, read_checkpoint\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); read_checkpoint(Path(sys.argv[1]), NESTED); print((peak() - before) / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path, *Path(__file__).parents[:2]],
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 40, "MB"
