"""Load a verified model of captions and its vocabulary."""

from __future__ import annotations

from pathlib import Path

from fad_core.api.model_cache import ModelCache, Report, default_cache_dir
from fad_core.errors import ArgumentError, WeightsError
from fad_core.models import text_model_of
from fad_core.models.base import EmbeddingModel
from fad_core.models.text_model import TextModel
from fad_core.models.tokenizer import Tokenizer, minimal_vocabulary, read_vocabulary
from fad_core.runner.backend import Backend, resolve_backend
from fad_core.runner.exported_network import ExportedNetwork
from fad_core.runner.unverified import is_exported
from fad_core.verification.verdicts import note_of
from fad_core.verification.verify import verified_backends
from fad_core.weights import fetch_weights, locate_official

_WITHOUT_VOCABULARY = (("vocabulary", "FOLDER"), ("ckpt_dir", "FOLDER"), ("weights", "seeded"))


def require_both_halves(audio: EmbeddingModel, choice: str) -> TextModel:
    """Return the model of captions that belongs to one of audio, if the chosen weights are of both.

    Raises:
        ModelError: the model embeds no captions.
        ArgumentError: the weights are an exported network, which is one half.
    """
    model = text_model_of(audio)
    if is_exported(choice):
        raise ArgumentError(
            f"{choice} is one exported network, but captions need a second one: give the checkpoint, which "
            "has the weights of both"
        )
    return model


def verified_text_model(
    audio: EmbeddingModel,
    choice: str,
    ckpt_dir: Path | None,
    report: Report,
    backend: Backend,
    *,
    cache_dir: Path | None = None,
    progress: bool = False,
) -> ExportedNetwork:
    """Load the verified model of captions that belongs to a model of audio; export and verify it first.

    Args:
        audio: the model of audio.
        choice: the weights: "official", "seeded", or the path of a checkpoint.
        ckpt_dir: folder of the checkpoints; None: that of torch.hub.
        report: function called with a line of text before each long step.
        backend: how and where the network runs.
        cache_dir: folder of the exported models and their verdicts; None: `default_cache_dir()`.
        progress: whether to show progress bars of long steps on stderr.

    Raises:
        UnknownModelError: there is none.
        ArgumentError: the weights are an exported model.
        FadError: the model cannot be fetched, exported or verified, as in `verified_model`.
    """
    model = require_both_halves(audio, choice)
    backend = resolve_backend(backend)
    cache = ModelCache(cache_dir or default_cache_dir(), ckpt_dir, report, progress=progress)
    path, weights = cache.export(model, choice)
    cache.require_verified(path, model, weights, verified_backends(backend.device))
    return ExportedNetwork(path, model, backend=backend, origin="own", note=note_of(model))


def tokenizer_of(
    model: TextModel,
    choice: str,
    ckpt_dir: Path | None = None,
    vocabulary: Path | None = None,
    *,
    progress: bool = False,
) -> Tokenizer:
    """Return the tokenizer of a model of captions; the official vocabulary is downloaded if it is missing.

    Args:
        model: the model of captions.
        choice: the weights: with "seeded", the built-in minimal vocabulary is used unless one is given.
        ckpt_dir: folder of the checkpoints, in which the official vocabulary has a folder of its own; None:
            that of torch.hub.
        vocabulary: folder of another one.
        progress: whether to show the progress of downloads on stderr.

    Raises:
        WeightsError: the vocabulary is not available, or not one.
        FadError: the package tokenizers is not installed.
    """
    config = model.tokenizer
    if vocabulary is not None:
        return Tokenizer(config, *read_vocabulary(vocabulary.expanduser()))
    if choice == "seeded":
        return Tokenizer(config, *minimal_vocabulary(config))
    try:
        fetched = fetch_weights(locate_official(config.files, ckpt_dir), ckpt_dir, progress=progress)
    except WeightsError as error:
        # A vocabulary is not chosen with the weights.
        raise WeightsError(error.message, _WITHOUT_VOCABULARY) from error
    path = fetched.files[0].path
    assert path is not None, "it was fetched"
    return Tokenizer(config, *read_vocabulary(path.parent))
