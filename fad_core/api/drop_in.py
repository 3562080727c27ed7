"""`FrechetAudioDistance`: the class of the package `frechet-audio-distance`, on exact and verified models.

A program written for the original runs after one changed import, `from fad_core import FrechetAudioDistance`.
The differences are deliberate; docs/api.md lists them.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fad_core.api.model_cache import default_cache_dir, embedding_cache, verified_model
from fad_core.api.original_arguments import SUBMODEL, model_of
from fad_core.api.scoring import ScannedSets, Score, names_of, scan_sets, score_embedded
from fad_core.datasets.policy import DEFAULTS, FilePolicy, Leftovers, OnBadFile, OnDuplicate, OnShortFile
from fad_core.datasets.remarks import set_notes
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.inputs import Source, Waveforms
from fad_core.embedding.npy import embeddings_path, save_embeddings
from fad_core.errors import ArgumentError
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.mean_covariance import MeanCovariance
from fad_core.models.options import (
    DEFAULT_OPTIONS,
    WEIGHTS,
    Compatibility,
    Crop,
    Dtype,
    Options,
    require_batch_size,
)
from fad_core.models.use import ModelKey, ModelUse
from fad_core.runner.backend import (
    DEFAULT_BACKEND,
    Backend,
    Runner,
    resolve_backend,
    resolve_device,
    settings_text,
)
from fad_core.runner.exported import ExportedModel
from fad_core.runner.unverified import is_exported, model_in, require_weights
from fad_core.util.progress import progress_bar
from fad_core.verification.verdicts import note_of
from fad_core.weights import default_ckpt_dir, locate_weights

_SHA256_DIGITS = 64


class FrechetAudioDistance:
    """Fréchet Audio Distance of two sets of sounds, for one embedding model.

    Attributes:
        model_id: id of the model (`fad models` lists them).
        model_name: the argument of `__init__`, as are `submodel_name`, `verbose`, `audio_load_worker` and
            `enable_fusion`.
        sample_rate: sample rate of the model in Hz.
        channels: number of channels of the model.
        weights: "official", "seeded" or a path.

    >>> from fad_core import FrechetAudioDistance
    >>> frechet = FrechetAudioDistance(model_name="vggish")
    >>> frechet.model_id, frechet.sample_rate, frechet.channels
    ('vggish', 16000, 1)
    """

    def __init__(
        self,
        ckpt_dir: str | os.PathLike[str] | None = None,
        model_name: str = "vggish",
        submodel_name: str = SUBMODEL,
        sample_rate: int | None = None,
        channels: int | None = None,
        use_pca: bool = False,
        use_activation: bool = False,
        verbose: bool = False,
        audio_load_worker: int = 8,
        enable_fusion: bool = False,
        *,
        weights: str | os.PathLike[str] = WEIGHTS.default,
        device: str = "auto",
        runner: Runner = DEFAULT_BACKEND.runner,
        batch_size: int | None = None,
        on_bad_file: OnBadFile = DEFAULTS.on_bad_file,
        on_short_file: OnShortFile = DEFAULTS.on_short_file,
        on_duplicate: OnDuplicate = DEFAULTS.on_duplicate,
        max_peak: float = DEFAULTS.max_peak,
        leftovers: Leftovers = DEFAULTS.leftovers,
        crop: Crop = DEFAULT_OPTIONS.crop,
        hop_seconds: float = DEFAULT_OPTIONS.hop_seconds,
        seed: int = DEFAULT_OPTIONS.seed,
        compatibility: Compatibility = DEFAULT_OPTIONS.compatibility,
        memory_gb: float = DEFAULT_OPTIONS.memory_gb,
        loudness: float | None = DEFAULT_OPTIONS.loudness,
        progress: bool = True,
        cache_dir: str | os.PathLike[str] | None = None,
        cache_embeddings: bool = True,
        trust: bool = False,
    ) -> None:
        """Choose a model. It is downloaded, exported and loaded at the first embedding.

        Args:
            ckpt_dir: folder of the checkpoints; None: torch.hub's, where the original package keeps them.
            model_name: "vggish", "pann", "clap" or "encodec", as in the original package; the id of a model,
                such as "pann-16k"; or the path of an exported model (`.pt2`).
            submodel_name: checkpoint of CLAP: "630k-audioset", "630k", "music_audioset", "music_speech" or
                "music_speech_audioset".
            sample_rate: sample rate in Hz that chooses among PANN's or EnCodec's models; None: 16000 for
                PANN, 24000 for EnCodec, or 48000 with channels=2. For other models, only the model's own
                rate is valid.
            channels: channels of the model: 2 for EnCodec at 48 kHz, else 1; None: the model's own.
            use_pca: whether PCA and quantisation follow VGGish.
            use_activation: whether VGGish's last ReLU is applied.
            verbose: whether to show messages and progress bars on stderr.
            audio_load_worker: number of threads that read and resample files while others are embedded; 0:
                none. The embeddings do not depend on it.
            enable_fusion: whether CLAP uses feature fusion.
            weights: Weights of the model: official (downloaded once, sha256 checked), seeded (a deterministic
                fill for trials, not a published model), or the path of a checkpoint in the official layout,
                or of an exported model (.pt2), which is not verified.
            device: Where the network runs: cpu, cuda (an NVIDIA GPU; the second is cuda:1), or auto (cuda
                if there is one, else cpu). Results computed on a GPU differ by rounding; they name the
                device.
            runner: How the network runs on a CPU: fast (with kernels for the processor) or plain (as it
                was exported). Their results differ by rounding; results name a runner other than the
                default.
            batch_size: number of windows embedded at once, for models that embed windows, and on a GPU the
                number of files for EnCodec; None: the model's own.
            on_bad_file: Files that cannot be used (damaged, cut short, too loud, too long for the allowed
                memory): fail before anything is embedded, or skip them.
            on_short_file: Files shorter than the model's minimum: fail before anything is embedded, skip
                them, or pad them with zeros at the end, after resampling.
            on_duplicate: Files with the same sound in one data set: note them beside the score and use
                all, fail before anything is embedded, or drop all but the first by name.
            max_peak: Largest absolute sample value that a file may have; values within ±1 are expected. A
                file that exceeds it is a bad file; peaks above 4 are noted beside the score.
            leftovers: Files that other tools have written into the folder of a data set (fadtk's and
                kadtk's convert/<rate>/*.wav, macOS's __MACOSX): ignore and list them, or use them as
                data.
            crop: Part of a file that is embedded if it is longer than the model's window (CLAP, PaSST: 10 s;
                MS-CLAP: 7 s): random (a section whose position follows from the seed and the file's
                content), first, center, or windows (all of it).
            hop_seconds: Seconds from the start of one window to the start of the next, if crop is
                windows.
            seed: Seed of all random draws.
            compatibility: Package whose conventions are reproduced, to regenerate its numbers:
                frechet-audio-distance (PANN's distance of scalars, EnCodec-48k's stereo files at other
                rates), fadtk (its resampler, 16-bit sound, its windows, embeddings rounded to float16), or
                none.
            memory_gb: Memory in GB (10^9 bytes) that embedding one file may take. A file that would take
                more is a bad file (EnCodec-48k, whose memory grows with the length of a file).
            loudness: Integrated loudness in LUFS (ITU-R BS.1770-4), such as -14, that a gain brings each file
                to; by default sound is embedded as loud as it is. A file whose loudness cannot be measured is
                a bad file.
            progress: whether to print a line on stderr when a model is fetched, exported and verified, which
                happens once.
            cache_dir: folder of exported models, their verdicts and embeddings; None: `$FAD_CACHE_DIR`, else
                `~/.cache/fad-core/exported` (`fad_core.api.model_cache.default_cache_dir`).
            cache_embeddings: whether the embeddings of files are cached: a file with the same content is then
                not embedded again, by any program of this user.
            trust: whether to load a `.pt2` even if loading it can run code that the file contains. Use it
                only for files from a source you trust.

        Raises:
            ArgumentError: an argument has no valid value, or arguments contradict each other.
            ModelError: there is no such model.
        """
        if isinstance(submodel_name, int):
            raise ArgumentError(
                f"the third argument is submodel_name, as in frechet-audio-distance, not {submodel_name}: "
                f"write sample_rate={submodel_name}"
            )
        if audio_load_worker < 0:
            raise ArgumentError(f"audio_load_worker must be at least 0, not {audio_load_worker}")
        require_batch_size(batch_size)
        self.model_name, self.submodel_name = model_name, submodel_name
        self.enable_fusion, self.verbose, self.audio_load_worker = enable_fusion, verbose, audio_load_worker
        self.weights = os.fspath(weights)
        if is_exported(model_name):
            if self.weights != "official":
                raise ArgumentError(
                    f"{model_name} is an exported model, which contains its weights: omit weights"
                )
            self.weights, model_name = model_name, model_in(Path(model_name).expanduser())
        model = model_of(
            model_name,
            submodel_name,
            sample_rate,
            channels,
            use_pca=use_pca,
            use_activation=use_activation,
            enable_fusion=enable_fusion,
        )
        self._use = ModelUse(
            model, Options(crop, hop_seconds, seed, compatibility, memory_gb, loudness=loudness)
        )
        self.model_id, self.sample_rate, self.channels = model.name, model.sample_rate, model.channels
        self._ckpt_dir = None if ckpt_dir is None else Path(ckpt_dir)
        self._cache_dir, self._trust = None if cache_dir is None else Path(cache_dir).expanduser(), trust
        self._backend, self._batch_size = Backend(runner, device), batch_size
        self._policy = FilePolicy(on_bad_file, on_short_file, on_duplicate, max_peak, leftovers)
        self._progress, self._cache_embeddings = progress, cache_embeddings
        self._exported: ExportedModel | None = None

    @property
    def ckpt_dir(self) -> str:
        """The folder of the checkpoints."""
        return str(default_ckpt_dir() if self._ckpt_dir is None else self._ckpt_dir)

    @property
    def device(self) -> str:
        """Where the network runs.

        Raises:
            ModelError: there is no such device.
        """
        return resolve_device(self._backend.device)

    @property
    def model(self) -> ExportedModel:
        """The exported model; it is fetched, exported and verified on first access."""
        return self._load(frames=2)

    def score(
        self,
        background_dir: Source | None,
        eval_dir: Source | None,
        background_embds_path: str | os.PathLike[str] | None = None,
        eval_embds_path: str | os.PathLike[str] | None = None,
        dtype: Dtype = DEFAULT_OPTIONS.dtype,
    ) -> Score:
        """Score the evaluation set against the background.

        Args:
            background_dir: the reference: a folder (searched recursively), a glob, a file, a list of files,
                "@" and the path of a list, `Waveforms`, embeddings `[N, D]`, `Statistics`, a file of these
                (.npy, .npz, .parquet), or an `EmbeddedSet`; None if its embeddings are given.
            eval_dir: the evaluation set: a folder, a glob, a file, a list of files, "@" and the path of a
                list, `Waveforms`, embeddings `[N, D]`, `Statistics`, a file of these (.npy, .npz, .parquet),
                or an `EmbeddedSet`; None if its embeddings are given.
            background_embds_path: `.npy` file of the reference's embeddings: read if it exists, else written.
            eval_embds_path: `.npy` file of the evaluation set's embeddings: read if it exists, else written.
            dtype: Type that samples are read as. The types other than float32 reproduce the original
                package: sound is then mixed and resampled in float64, and int16 keeps 16 of 24 bits.

        Returns:
            The distance: a float with the `row` of the distance table, the decision on every file
            (`decisions`), and `to_dict()`.

        Raises:
            DatasetError: a set is missing, empty, or gives fewer than 2 vectors.
            BadFilesError: files cannot be used, and the settings do not allow excluding them; the message
                lists all.
            ArgumentError: a set is not given, or both sets' embeddings would be written into one file.
            FadError: any other fault of the input, or the model cannot be fetched, exported or verified
                (`verified_model`); the message says what to do.
            TypeError: a set has another type.

        >>> frechet = FrechetAudioDistance(model_name="tiny", weights="seeded")
        >>> value = frechet.score("audio/reference", "audio/generated")
        >>> value > 0, value.row["n_reference"], value.row["n_evaluation"]
        (True, 75, 75)
        """
        given = [path for path in (background_embds_path, eval_embds_path) if path is not None]
        if len({embeddings_path(path).resolve() for path in given}) < len(given):
            raise ArgumentError(f"{given[0]} is given for the embeddings of both sets: give two files")
        first, first_path = _source("background", background_dir, background_embds_path)
        second, second_path = _source("eval", eval_dir, eval_embds_path)
        names = names_of(first, second, ("background", "eval"))
        sources = dict(zip(names, (first, second), strict=True))
        paths = zip(names, (first_path, second_path), strict=True)
        to_write = [(name, path) for name, path in paths if path is not None]
        exported, embedded = self._embedded(sources, keep=bool(to_write), dtype=dtype)
        for name, path in to_write:
            if embedded[name].embeddings is not None:
                save_embeddings(embedded[name].vectors_of().vectors, self._use_of(dtype), path)
        return score_embedded(embedded[names[0]], embedded[names[1]], "fad", exported)

    def get_embeddings(self, x: Sequence[ArrayLike], sr: int) -> NDArray[np.float32]:
        """Embed waveforms.

        Args:
            x: waveforms, each `[samples]` or `[samples, channels]`, floats within ±1; or tensors of PyTorch
                (`Waveforms`).
            sr: their sample rate in Hz; they are resampled if the model has another rate.

        Returns:
            float32 `[N, D]`, in the order of `x`; with compatibility="frechet-audio-distance", PANN's vectors
            are concatenated, `[N·D]`.

        Raises:
            BadFilesError: waveforms cannot be used, and the settings do not allow excluding them; each is
                named by its index: 0000, 0001, …
            DatasetError: there are no waveforms, or the sample rate is not a positive whole number.
            FadError: the model cannot be fetched, exported or verified (`verified_model`).

        Warns:
            UserWarning: a waveform is doubtful: its peaks are far beyond ±1, or it is silent, for example.

        >>> frechet = FrechetAudioDistance(model_name="tiny", weights="seeded")
        >>> frechet.get_embeddings([np.sin(np.arange(1600)), np.cos(np.arange(3200))], sr=16000).shape
        (75, 8)
        """
        _, embedded = self._embedded({"x": Waveforms(x, sr)}, keep=True, to_compare=False)
        counts, settings = embedded["x"].counts, embedded["x"].key.settings
        for note in set_notes(counts, settings) if counts is not None else ():
            warnings.warn(note, stacklevel=2)
        embeddings = embedded["x"].vectors_of().vectors
        return embeddings.reshape(-1) if self._use.takes_scalars else embeddings

    def calculate_embd_statistics(self, embd_lst: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
        """Compute mean and covariance of embeddings, as the original computes them.

        `score` does not use this, because it never forms a covariance (`fad_core.metrics.statistics`).

        Args:
            embd_lst: embeddings `[N, D]`.

        Returns:
            The mean `[D]` and the covariance `[D, D]`, divided by N − 1.

        >>> mean, covariance = FrechetAudioDistance().calculate_embd_statistics([[0.0, 1.0], [2.0, 3.0]])
        >>> mean
        array([1., 2.])
        """
        vectors = np.asarray(embd_lst)
        return np.mean(vectors, axis=0), np.cov(vectors, rowvar=False)

    def calculate_frechet_distance(
        self,
        mu1: ArrayLike,
        sigma1: ArrayLike,
        mu2: ArrayLike,
        sigma2: ArrayLike,
        eps: float = 1e-6,  # noqa: ARG002
    ) -> float:
        """Return the Fréchet distance of two Gaussian distributions.

        Args:
            mu1: mean of the first distribution, `[D]`.
            sigma1: covariance of the first distribution, `[D, D]`.
            mu2: mean of the second distribution, `[D]`.
            sigma2: covariance of the second distribution, `[D, D]`.
            eps: not used; the original adds it to the diagonals if its square root fails.

        Returns:
            The distance, in squared units of the embedding.

        Raises:
            ValueError: the shapes do not match, or a matrix is not a covariance.

        >>> FrechetAudioDistance().calculate_frechet_distance([0.0, 0.0], np.eye(2), [3.0, 0.0], np.eye(2))
        9.0
        """
        first, second = (
            MeanCovariance.from_covariance(mu1, sigma1),
            MeanCovariance.from_covariance(mu2, sigma2),
        )
        return frechet_distance(first, second).value

    def _embedded(
        self,
        sources: dict[str, Source],
        *,
        keep: bool,
        to_compare: bool = True,
        dtype: Dtype = DEFAULT_OPTIONS.dtype,
        accept: Callable[[ScannedSets], object] = bool,
    ) -> tuple[ExportedModel | None, dict[str, EmbeddedSet]]:
        """Embed sets; errors in files are raised before a model is fetched or exported.

        `accept` is called with the scanned sets, and raises if they are not the right ones. The model is
        None, and is not exported, if no set is to be embedded and its weights are known.
        """
        use = self._use_of(dtype)
        backend = resolve_backend(self._backend, use.options)
        if self._exported is None:
            require_weights(use.model, self.weights)
        with self._bar("scan") as advance:
            scanned = scan_sets(
                sources,
                use,
                backend,
                policy=self._policy,
                workers=self.audio_load_worker,
                keep=keep,
                to_compare=to_compare,
                progress=advance,
            )
        accept(scanned)
        if self._exported is None and (key := self._expected_key(use, backend)) is not None:
            scanned.require_key(key)
            if not scanned.decisions and len(key.weights_sha256) == _SHA256_DIGITS:
                return None, scanned.embedded(key, note_of(use.model))
        exported = self._load(frames=3).with_options(use.options)
        cached = self._cache_embeddings
        cache = embedding_cache(exported, self.weights, self._cache_dir) if cached else None
        with self._bar("embed", scanned.count) as advance:
            workers = self.audio_load_worker
            return exported, scanned.embed(exported, workers=workers, progress=advance, cache=cache)

    def _use_of(self, dtype: Dtype) -> ModelUse:
        return replace(self._use, options=replace(self._use.options, dtype=dtype))

    def _expected_key(self, use: ModelUse, backend: Backend) -> ModelKey | None:
        """Return the key of the model before it is fetched or exported; None if it is given as exported.

        Of weights that are not fetched yet, it has the digits of the hash that are published.
        """
        if is_exported(self.weights):
            return None
        weights = locate_weights(use.model, self.weights, self._ckpt_dir)
        settings = settings_text(use.text, backend)
        return ModelKey(use.model.name, weights.label, weights.sha256, settings)

    def _load(self, frames: int) -> ExportedModel:
        """Return the exported model; a warning about it names the caller that many frames above."""
        if self._exported is None:
            self._exported = verified_model(
                self.model_id,
                self.weights,
                self._ckpt_dir,
                self._reporter(),
                self._use.options,
                self._backend,
                cache_dir=self._cache_dir,
                batch_size=self._batch_size,
                progress=self._progress,
                trust=self._trust,
            )
            if self._exported.note:
                warnings.warn(f"{self.weights}: {self._exported.note}", stacklevel=frames + 1)
        return self._exported

    def _reporter(self) -> Callable[[str], None]:
        """Return a function that reports long work on stderr: one line the first time, all if verbose."""
        reported = False

        def report(line: str) -> None:
            nonlocal reported
            if self._progress and not reported:
                folder = self._cache_dir or default_cache_dir()
                sys.stderr.write(
                    f"fad_core: first use of {self.model_id} with {self.weights} weights: exporting and "
                    f"verifying it in {folder}, which takes a minute or more and happens only once\n"
                )
            if self.verbose:
                sys.stderr.write(f"fad_core: {line}\n")
            sys.stderr.flush()
            reported = True

        return report

    def _bar(self, what: str, total: int | None = None) -> Any:
        return progress_bar(what, total, quiet=not (self.verbose and self._progress))


def _source(
    side: str, given: Source | None, path: str | os.PathLike[str] | None
) -> tuple[Source, Path | None]:
    """Return the source of one set, and the file that its embeddings are to be written to, if any."""
    file = None if path is None else embeddings_path(path)
    if file is not None and file.is_file():
        return file, None
    if given is None:
        missing = "not given" if file is None else f"a file that does not exist: {file}"
        raise ArgumentError(f"{side}_dir is None, and {side}_embds_path is {missing}")
    return given, file
