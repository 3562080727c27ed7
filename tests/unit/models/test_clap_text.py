"""CLAP's text half: its tokenizer and its network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fad_core.errors import FadError, UnknownModelError, WeightsError
from fad_core.models import find_network, get_model, text_model_of
from fad_core.models.clap import MODELS, TEXT_MODELS
from fad_core.models.clap.checkpoints import both_halves
from fad_core.models.clap.constants import PADDING, ROBERTA
from fad_core.models.clap.roberta import ClapText
from fad_core.models.clap.text import VOCABULARY
from fad_core.models.clap.tokenizer import Tokenizer, minimal_vocabulary, read_vocabulary, write_vocabulary
from fad_core.verification.golden_text import load_golden_text

TINY = replace(ROBERTA, words=60, places=40, width=24, layers=2, heads=3, hidden=32)


@pytest.fixture
def network() -> ClapText:
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        return ClapText(TINY).eval()


@torch.inference_mode()
def test_padding_changes_nothing_but_the_last_bits(network: ClapText) -> None:
    ids = torch.tensor([[0, 5, 9, 59, 2]])
    alone = network(ids, torch.ones_like(ids))
    padded = torch.nn.functional.pad(ids, (0, 7), value=PADDING)
    attended = torch.stack([(padded[0] != PADDING).long(), torch.ones(12, dtype=torch.long)])
    together = network(torch.cat([padded, torch.arange(12)[None] + 3]), attended)
    torch.testing.assert_close(together[:1], alone, rtol=0, atol=1e-6)
    np.testing.assert_allclose(torch.linalg.norm(together, dim=1), 1.0, rtol=1e-6)


@torch.inference_mode()
def test_the_order_of_the_words_counts_and_what_is_masked_does_not(network: ClapText) -> None:
    ids = torch.tensor([[0, 5, 9, 30, 2], [0, 9, 5, 30, 2]])
    first, second = network(ids, torch.ones_like(ids))
    assert torch.dist(first, second) > 1e-3
    mask = torch.tensor([[1, 1, 1, 0, 0]] * 2)
    other = ids.clone()
    other[:, 3:] = 7
    assert torch.equal(network(ids, mask), network(other, mask))


def test_each_model_has_a_text_half_of_the_same_file() -> None:
    for audio, text in zip(MODELS, TEXT_MODELS, strict=True):
        assert text_model_of(audio) is text is find_network(f"{audio.name}-text")
        assert find_network(audio.name) is audio
        (ours,), (theirs,) = text.checkpoints, audio.checkpoints
        assert (ours.filename, ours.sha256, ours.prefix) == (theirs.filename, theirs.sha256, theirs.prefix)
        assert not ours.layout().keys() & theirs.layout().keys()
        assert ours.layout().keys() <= theirs.unused().keys()
        assert ours.tensor_bytes == ours.layout_bytes
    with pytest.raises(UnknownModelError, match="vggish does not embed captions; models that do: clap-"):
        text_model_of(get_model("vggish"))
    with pytest.raises(UnknownModelError, match="there is no model 'clap-630k-txt'"):
        find_network("clap-630k-txt")


def test_a_whole_file_has_the_tensors_of_both_halves_once() -> None:
    audio = MODELS[0].checkpoints[0]
    whole = both_halves(audio)
    names = whole.layout().keys() | whole.unused().keys()
    assert names == audio.layout().keys() | audio.unused().keys()
    assert not whole.layout().keys() & whole.unused().keys()


def test_captions_have_the_ids_of_the_original() -> None:
    golden = load_golden_text(TEXT_MODELS[0])
    tokenizer = Tokenizer(*minimal_vocabulary())
    assert [tokenizer.ids(caption) for caption in golden.captions] == [list(ids) for ids in golden.ids]
    assert max(map(len, golden.ids)) == 77
    ids, attended = tokenizer.features("the dog")
    assert ids.tolist() == [[0, 40625, 11376, 2]] and attended.tolist() == [[1, 1, 1, 1]]


def test_a_vocabulary_is_read_as_it_was_written(tmp_path: Path) -> None:
    vocabulary, merges = minimal_vocabulary()
    write_vocabulary(vocabulary, merges, tmp_path)
    assert read_vocabulary(tmp_path) == (vocabulary, merges)
    assert len(set(vocabulary.values())) == len(vocabulary)
    assert {file.filename for file in VOCABULARY} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("damage", ["none", "no vocabulary", "no merges", "ids", "marks"])
def test_a_vocabulary_that_is_none(damage: str, tmp_path: Path) -> None:
    vocabulary, merges = minimal_vocabulary()
    if damage == "ids":
        vocabulary["a"] = ROBERTA.words
    if damage == "marks":
        del vocabulary["</s>"]
    if damage != "none":
        write_vocabulary(vocabulary, merges, tmp_path)
    if damage == "no vocabulary":
        (tmp_path / "vocab.json").write_text("[1, 2]")
    if damage == "no merges":
        (tmp_path / "merges.txt").write_text("#version: 0.2\na b c\n")
    with pytest.raises(WeightsError):
        Tokenizer(*read_vocabulary(tmp_path))
    with pytest.raises(WeightsError, match="merges do not belong"):
        Tokenizer(minimal_vocabulary()[0], [("zz", "y")])


def test_without_the_package_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(FadError, match=r"pip install 'fad-core\[captions\]'"):
        Tokenizer(*minimal_vocabulary())
