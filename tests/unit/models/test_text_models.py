"""Models of captions: their tokenizers and networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fad_core.errors import DatasetError, FadError, UnknownModelError, WeightsError
from fad_core.models import find_network, get_model, text_model_of, text_models
from fad_core.models.clap import MODELS, TEXT_MODELS
from fad_core.models.clap.constants import ROBERTA
from fad_core.models.clap.roberta import ClapText
from fad_core.models.msclap import MODELS as MSCLAP
from fad_core.models.msclap import TEXT_MODELS as MSCLAP_TEXT
from fad_core.models.msclap.gpt2 import MsClapText
from fad_core.models.msclap.text import PADDING, SIZE
from fad_core.models.text_model import TextModel, both_halves
from fad_core.models.tokenizer import Tokenizer, minimal_vocabulary, read_vocabulary, write_vocabulary
from fad_core.verification.golden_text import load_golden_text
from fad_core.weights import seeded_state

TINY = {"words": 60, "places": 40, "width": 24, "layers": 2, "heads": 3, "hidden": 32}
FAMILIES = pytest.mark.parametrize("model", [TEXT_MODELS[0], *MSCLAP_TEXT], ids=["clap", "msclap"])


def seeded(make: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        return make().eval()


@torch.inference_mode()
def test_the_order_of_the_words_counts_and_vectors_of_clap_have_length_1() -> None:
    network = seeded(lambda: ClapText(replace(ROBERTA, **TINY)))
    first, second = network(torch.tensor([[0, 5, 9, 30, 2], [0, 9, 5, 30, 2]]))
    assert torch.dist(first, second) > 1e-3
    np.testing.assert_allclose([torch.linalg.norm(each) for each in (first, second)], 1.0, rtol=1e-6)


@torch.inference_mode()
def test_padding_behind_a_caption_changes_nothing_and_within_it_takes_an_earlier_token() -> None:
    network = seeded(lambda: MsClapText(16, replace(SIZE, **TINY)))
    ids = torch.tensor([[5, 9, 30, 59], [9, 5, 30, 59]])
    alone = network(ids)
    assert torch.dist(*alone) > 1e-3
    torch.testing.assert_close(network(torch.nn.functional.pad(ids, (0, 7), value=PADDING)), alone)
    # Three tokens are no padding, so the third one counts, and not what follows it.
    first, second = network(torch.tensor([[5, PADDING, 30, 59], [5, PADDING, 30, 8]]))
    torch.testing.assert_close(first, second)


@torch.inference_mode()
def test_the_network_of_msclap_gives_the_vectors_of_the_original() -> None:
    (model,) = MSCLAP_TEXT
    golden = load_golden_text(model)
    network = model.build(seeded_state(model.checkpoints[0]))
    for ids, expected in zip(golden.ids, golden.embeddings[model.name], strict=True):
        (found,) = network(torch.tensor([ids])).numpy()
        assert np.abs(found - expected).max() < model.tolerance * np.sqrt(np.mean(expected**2))


def test_each_model_has_a_text_half_of_the_same_file() -> None:
    for audio, text in zip([*MODELS, *MSCLAP], [*TEXT_MODELS, *MSCLAP_TEXT], strict=True):
        assert text_model_of(audio) is text is find_network(f"{audio.name}-text")
        assert find_network(audio.name) is audio
        assert text.dimension == audio.dimension
        (ours,), (theirs,) = text.checkpoints, audio.checkpoints
        assert (ours.filename, ours.sha256, ours.section) == (theirs.filename, theirs.sha256, theirs.section)
        assert not ours.layout().keys() & theirs.layout().keys()
        assert ours.tensor_bytes == ours.layout_bytes
    with pytest.raises(UnknownModelError, match=r"vggish does not embed captions.*: clap-.*, msclap-2023"):
        text_model_of(get_model("vggish"))
    with pytest.raises(UnknownModelError, match="there is no model 'clap-630k-txt'"):
        find_network("clap-630k-txt")


def test_a_whole_file_has_the_tensors_of_both_halves_once() -> None:
    audio, text = MODELS[0].checkpoints[0], TEXT_MODELS[0].checkpoints[0]
    whole = both_halves(audio, text)
    names = whole.layout().keys() | whole.unused().keys()
    assert names == audio.layout().keys() | audio.unused().keys()
    assert text.layout().keys() <= audio.unused().keys()
    assert not whole.layout().keys() & whole.unused().keys()
    whole = both_halves(MSCLAP[0].checkpoints[0], MSCLAP_TEXT[0].checkpoints[0])
    halves = {name.partition(".")[0] for name in whole.layout()}
    assert halves == {"audio_encoder", "caption_encoder"} and whole.prefix == ""


@FAMILIES
def test_captions_have_the_ids_of_the_original(model: TextModel) -> None:
    golden = load_golden_text(model)
    tokenizer = Tokenizer(model.tokenizer, *minimal_vocabulary(model.tokenizer))
    assert [tokenizer.ids(caption) for caption in golden.captions] == [list(ids) for ids in golden.ids]


def test_captions_are_cut_where_the_original_cuts_them() -> None:
    clap, msclap = (
        Tokenizer(model.tokenizer, *minimal_vocabulary(model.tokenizer))
        for model in (TEXT_MODELS[0], *MSCLAP_TEXT)
    )
    (ids,) = clap.features("the dog")
    assert ids.tolist() == [[0, 40625, 11376, 2]]
    assert len(clap.ids("the dog " * 1000)) == 77
    assert len(msclap.ids("x" * 1022)) == 1024
    with pytest.raises(DatasetError, match="a caption has 1025 tokens, but the model takes 1024 at most: xx"):
        msclap.ids("x" * 1023)


@FAMILIES
def test_a_vocabulary_is_read_as_it_was_written(model: TextModel, tmp_path: Path) -> None:
    vocabulary, merges = minimal_vocabulary(model.tokenizer)
    write_vocabulary(vocabulary, merges, tmp_path)
    assert read_vocabulary(tmp_path) == (vocabulary, merges)
    assert len(set(vocabulary.values())) == len(vocabulary)
    assert {file.filename for file in model.tokenizer.files} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("damage", ["none", "no vocabulary", "no merges", "ids", "marks", "other marks"])
@FAMILIES
def test_a_vocabulary_that_is_none(model: TextModel, damage: str, tmp_path: Path) -> None:
    config = model.tokenizer
    vocabulary, merges = minimal_vocabulary(config)
    if damage == "ids":
        vocabulary["a"] = config.words
    if damage == "marks":
        del vocabulary[next(iter(config.marks))]
    if damage == "other marks":
        vocabulary[next(iter(config.marks))] = 7
    if damage != "none":
        write_vocabulary(vocabulary, merges, tmp_path)
    if damage == "no vocabulary":
        (tmp_path / "vocab.json").write_text("[1, 2]")
    if damage == "no merges":
        (tmp_path / "merges.txt").write_text("#version: 0.2\na b c\n")
    with pytest.raises(WeightsError):
        Tokenizer(config, *read_vocabulary(tmp_path))
    with pytest.raises(WeightsError, match="merges do not belong"):
        Tokenizer(config, minimal_vocabulary(config)[0], [("zz", "y")])


def test_the_vocabulary_of_another_model_is_refused() -> None:
    others = {model.tokenizer.files[0].folder: model.tokenizer for model in text_models()}
    assert others.keys() == {"roberta-base", "gpt2"}
    with pytest.raises(WeightsError, match="this is not the vocabulary of gpt2: ! is not 0"):
        Tokenizer(others["gpt2"], *minimal_vocabulary(others["roberta-base"]))


def test_without_the_package_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    config = TEXT_MODELS[0].tokenizer
    with pytest.raises(FadError, match=r"pip install 'fad-core\[captions\]'"):
        Tokenizer(config, *minimal_vocabulary(config))
