"""`CLAPScore`: the second class of `frechet-audio-distance`, how well sounds fit their captions.

It differs from the original on purpose: docs/clap_score.md lists how.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fad_core.api.caption_score import CaptionScore
from fad_core.api.drop_in import FrechetAudioDistance
from fad_core.api.original_arguments import SUBMODEL
from fad_core.api.text_model import tokenizer_of, verified_text_model
from fad_core.datasets.captions import (
    BY_NAME_NOTE,
    Captions,
    read_captions,
    require_one_vector,
    require_readable,
)
from fad_core.embedding.clap_score import Paired, clap_score_rows, embed_captions, file_names, pair_files
from fad_core.embedding.npy import embeddings_path, load_embeddings, save_embeddings
from fad_core.errors import ArgumentError, DatasetError
from fad_core.metrics.clap_score import cosines
from fad_core.models import get_model, text_model_of
from fad_core.models.options import DEFAULT_OPTIONS, Dtype
from fad_core.models.tokenizer import Tokenizer
from fad_core.models.use import ModelKey
from fad_core.runner.backend import resolve_backend
from fad_core.runner.exported_network import ExportedNetwork

BY_ROW_NOTE = "stored embeddings name no files: row i of the captions was compared with row i of the sounds"
"""Note of a score of stored embeddings."""


class CLAPScore:
    """How well sounds fit their captions, by one of CLAP's checkpoints.

    Attributes:
        model_id: id of the model of audio.
        submodel_name: the argument of `__init__`, as are `verbose`, `audio_load_worker` and `enable_fusion`.
        sample_rate: sample rate of the model in Hz.

    >>> from fad_core import CLAPScore
    >>> clap = CLAPScore(submodel_name="630k", weights="seeded")
    >>> clap.model_id, clap.sample_rate
    ('clap-630k', 48000)
    """

    def __init__(
        self,
        ckpt_dir: str | os.PathLike[str] | None = None,
        submodel_name: str = SUBMODEL,
        verbose: bool = False,
        audio_load_worker: int = 8,
        enable_fusion: bool = False,
        *,
        vocabulary: str | os.PathLike[str] | None = None,
        **settings: Any,
    ) -> None:
        """Choose a model. It is downloaded, exported and verified at the first embedding.

        Args:
            ckpt_dir: folder of the checkpoints and of the vocabulary; None: torch.hub's.
            submodel_name: checkpoint of CLAP: "630k-audioset", "630k", "music_audioset", "music_speech" or
                "music_speech_audioset".
            verbose: whether to show messages and progress bars on stderr.
            audio_load_worker: number of threads that read and resample files while others are embedded; 0:
                none.
            enable_fusion: whether CLAP uses feature fusion.
            vocabulary: folder of vocab.json and merges.txt; None: RoBERTa's, which is downloaded, or with
                seeded weights a minimal one.
            **settings: further keyword arguments of `FrechetAudioDistance`: weights, device, runner, crop,
                seed and so on.

        Raises:
            ArgumentError: an argument has no valid value, or arguments contradict each other.
        """
        self._audio = FrechetAudioDistance(
            ckpt_dir,
            "clap",
            submodel_name,
            verbose=verbose,
            audio_load_worker=audio_load_worker,
            enable_fusion=enable_fusion,
            **settings,
        )
        require_one_vector(self._audio._use.options)
        self.submodel_name, self.enable_fusion = submodel_name, enable_fusion
        self.verbose, self.audio_load_worker = verbose, audio_load_worker
        self.model_id, self.sample_rate = self._audio.model_id, self._audio.sample_rate
        self._vocabulary = None if vocabulary is None else Path(vocabulary)

    @property
    def ckpt_dir(self) -> str:
        """The folder of the checkpoints."""
        return self._audio.ckpt_dir

    @property
    def device(self) -> str:
        """Where the networks run.

        Raises:
            ModelError: there is no such device.
        """
        return self._audio.device

    def score(
        self,
        text_path: str | os.PathLike[str] | None,
        audio_dir: str | os.PathLike[str] | None,
        text_column: str = "caption",
        text_embds_path: str | os.PathLike[str] | None = None,
        audio_embds_path: str | os.PathLike[str] | None = None,
        batch_size: int = 10,  # noqa: ARG002
        dtype: Dtype = DEFAULT_OPTIONS.dtype,
        *,
        file_column: str | None = None,
    ) -> CaptionScore:
        """Compare the files of a folder with their captions.

        Captions and files are paired by a column of the table that names the files. If it has none, its rows
        belong to the files in the order of their names; a warning says so. A file with several captions has
        the mean of their cosines.

        Args:
            text_path: table of the captions, `.csv` or `.tsv`; None if the embeddings of both are given.
            audio_dir: a folder (searched recursively), a glob, or "@" and the path of a list of files; None
                if their embeddings are given.
            text_column: column of the captions.
            text_embds_path: `.npy` file of the captions' embeddings: read if it exists, else written.
            audio_embds_path: `.npy` file of the files' embeddings, in the order of the captions: read if it
                exists, else written.
            batch_size: not used; the original compares so many pairs at once.
            dtype: Type that samples are read as.
            file_column: column of the files; None: the one that has a usual name (file, path, audio, …).

        Returns:
            The pair (mean, standard deviation) of the cosines, with `row` and `per_file`.

        Raises:
            DatasetError: captions and files do not fit each other, or one of the two is missing.
            BadFilesError: files cannot be used, and the settings do not allow excluding them.
            ArgumentError: a set is not given.
            FadError: any other fault of the input, or a model cannot be fetched, exported or verified.

        Warns:
            UserWarning: captions and files were paired by their order.
        """
        text_file, audio_file = (
            None if path is None else embeddings_path(path) for path in (text_embds_path, audio_embds_path)
        )
        if text_file is not None and text_file == audio_file:
            raise ArgumentError(f"{text_file} is given for both embeddings: give two files")
        text, audio = self._stored(text_file), self._stored(audio_file)
        if text_path is not None and (text is None or audio is None):
            captions = read_captions(text_path, text_column, file_column)
        elif text is not None:
            captions = Captions(Path(str(text_file)), ("",) * len(text), None)
        else:
            raise ArgumentError("text_path is None, and there is no file of embeddings of the captions")
        # What is wrong with captions is reported before anything is embedded.
        if text is None:
            require_readable(captions, self._tokenizer)
        if audio is None and audio_file is not None and captions.several:
            raise DatasetError(f"{audio_file} would not say which captions are of one file: omit it")
        if audio is not None:
            rows = range(len(audio))
            paired = Paired(self._key, rows, [f"{row:04}" for row in rows], audio, note=BY_ROW_NOTE)
        elif audio_dir is not None:
            paired = self._paired(audio_dir, captions, dtype)
        else:
            raise ArgumentError("audio_dir is None, and there is no file of embeddings of the sounds")
        held = {len(captions.texts), len(captions.texts if text is None else text)}
        if len(held) > 1 or (audio is not None and held != {len(audio)}):
            counts = " and ".join(map(str, sorted(held)))
            raise DatasetError(f"{counts} captions do not belong to {len(paired.files)} sounds")
        if text is None:
            text = self.get_text_embeddings(captions.texts)
            paired = paired.noted(self._text.note)
            if text_file is not None:
                save_embeddings(text, self._audio._use, text_file)
        if audio is None and audio_file is not None:
            if paired.excluded:
                raise DatasetError(f"{audio_file} would lack the rows of files that were left out: omit it")
            save_embeddings(paired.audio, self._audio._use, audio_file)
        for note in (BY_NAME_NOTE, BY_ROW_NOTE):
            if note in paired.note:
                warnings.warn(note, stacklevel=2)
        dataset = str(audio_file if audio_dir is None else audio_dir)
        return CaptionScore(*clap_score_rows(dataset, paired, captions.texts, text))

    def _paired(self, audio_dir: str | os.PathLike[str], captions: Captions, dtype: Dtype) -> Paired:
        """Embed the files of a folder, if they and their captions fit each other."""
        name = os.fspath(audio_dir)
        _, sets = self._audio._embedded(
            {name: audio_dir},
            keep=True,
            to_compare=False,
            dtype=dtype,
            accept=lambda scanned: captions.of_files(file_names(scanned.decisions[name])),
        )
        return pair_files(sets[name], captions, file_names(sets[name].decisions))

    def get_text_embeddings(self, text_data: Sequence[str]) -> NDArray[np.float32]:
        """Embed captions.

        Args:
            text_data: the captions.

        Returns:
            float32 `[N, 512]`, unit vectors.

        Raises:
            ArgumentError: there are none, or one is not a text.
            FadError: the model or its vocabulary cannot be fetched, exported or verified.
        """
        captions = list(text_data)
        if not captions or not all(isinstance(caption, str) for caption in captions):
            raise ArgumentError("captions must be a sequence of at least one text")
        return embed_captions(self._text, self._tokenizer.features, captions)

    def get_audio_embeddings(self, x: Sequence[ArrayLike], sr: int) -> NDArray[np.float32]:
        """Embed waveforms.

        Args:
            x: waveforms, each `[samples]` or `[samples, channels]`, floats within ±1; or tensors of PyTorch.
            sr: their sample rate in Hz; they are resampled if it is not 48000.

        Returns:
            float32 `[N, 512]`, unit vectors.

        Raises:
            FadError: a waveform cannot be used, or the model cannot be fetched, exported or verified.
        """
        return self._audio.get_embeddings(x, sr)

    def calculate_clap_score(
        self,
        text_embds: ArrayLike,
        audio_embds: ArrayLike,
        batch_size: int = 10,  # noqa: ARG002
    ) -> tuple[float, float]:
        """Return mean and standard deviation of the cosines of vectors.

        Args:
            text_embds: vectors of captions, `[N, D]`.
            audio_embds: vectors of sounds, `[N, D]`.
            batch_size: not used; the original compares so many pairs at once.

        Returns:
            The mean, and the standard deviation divided by N.

        Raises:
            ValueError: the shapes differ, or a vector is zero or not finite.

        >>> CLAPScore().calculate_clap_score([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]])
        (0.5, 0.5)
        """
        values = cosines(text_embds, audio_embds)
        return float(np.mean(values)), float(np.std(values))

    @cached_property
    def _text(self) -> ExportedNetwork:
        audio = self._audio
        return verified_text_model(
            get_model(self.model_id),
            audio.weights,
            audio._ckpt_dir,
            audio._reporter(),
            audio._backend,
            cache_dir=audio._cache_dir,
            progress=audio._progress,
        )

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        audio = self._audio
        text = text_model_of(get_model(self.model_id))
        return tokenizer_of(text, audio.weights, audio._ckpt_dir, self._vocabulary, progress=audio._progress)

    @property
    def _key(self) -> ModelKey:
        audio = self._audio
        found = audio._expected_key(audio._use, resolve_backend(audio._backend))
        return audio.model.key if found is None else found

    def _stored(self, path: Path | None) -> NDArray[Any] | None:
        """Return stored embeddings `[N, 512]`; None if there is no file."""
        use = self._audio._use
        return load_embeddings(path, use)[0] if path is not None and path.is_file() else None
