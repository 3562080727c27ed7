"""`FrechetAudioDistance`: the class of the package `frechet-audio-distance`, on exact and verified models.

A program written for the original runs after one changed import:

    from fad_core import FrechetAudioDistance

    frechet = FrechetAudioDistance(model_name="vggish")
    value = frechet.score("audio/reference", "audio/generated")

What differs is deliberate, and stands in docs/api.md.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fad_core.api.model_cache import default_cache_dir, verified_model
from fad_core.api.original_arguments import SUBMODEL, ModelArguments, model_of
from fad_core.api.scoring import Embedded, Score, names_of, scan_sets, score_embedded
from fad_core.datasets.policy import FilePolicy, Leftovers, OnBadFile, OnDuplicate, OnShortFile
from fad_core.datasets.remarks import set_notes
from fad_core.embedding.inputs import Source, Waveforms
from fad_core.embedding.npy import embeddings_path, save_embeddings
from fad_core.errors import ArgumentError
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.mean_covariance import Moments
from fad_core.models import get_model
from fad_core.models.options import Compatibility, Crop, Dtype, Options, require_batch_size
from fad_core.models.use import ModelUse
from fad_core.runner.backend import Backend, Runner
from fad_core.runner.device import resolve_backend, resolve_device
from fad_core.runner.exported import ExportedModel
from fad_core.runner.given import is_exported, model_in, require_weights
from fad_core.util.progress import file_progress
from fad_core.weights import default_ckpt_dir


class FrechetAudioDistance:
    """Fréchet Audio Distance of two sets of sounds, for one embedding model.

    Attributes:
        model_id: the model's id (`fad models` lists them).
        model_name: as it was given.
        submodel_name: likewise.
        sample_rate: that the model hears, in Hz.
        channels: that the model hears.
        verbose: as it was given, and so the following.
        audio_load_worker: see `__init__`.
        enable_fusion: see `__init__`.
        weights: "official", "seeded" or a path.
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
        weights: str | os.PathLike[str] = "official",
        device: str = "auto",
        runner: Runner = "fast",
        batch_size: int | None = None,
        on_bad_file: OnBadFile = "fail",
        on_short_file: OnShortFile = "fail",
        on_duplicate: OnDuplicate = "note",
        max_peak: float = 100.0,
        leftovers: Leftovers = "ignore",
        crop: Crop = "random",
        hop_seconds: float = 10.0,
        seed: int = 0,
        compatibility: Compatibility = "none",
        memory_gb: float = 16.0,
        progress: bool = True,
        cache_dir: str | os.PathLike[str] | None = None,
        trust: bool = False,
    ) -> None:
        """Choose a model. Nothing is downloaded or made before the first embedding.

        Args:
            ckpt_dir: folder of the checkpoints; None: torch.hub's, where the original package keeps them.
            model_name: the original's "vggish", "pann", "clap" or "encodec"; or an id such as "pann-16k";
                or the path of an exported model (`.pt2`).
            submodel_name: CLAP's checkpoint: "630k-audioset", "630k", "music_audioset", "music_speech" or
                "music_speech_audioset".
            sample_rate: chooses among PANN's and EnCodec's models; None: 16000 for PANN, 24000 for EnCodec,
                or 48000 with channels=2. It is the model's own for all others.
            channels: that the model hears: 2 for EnCodec at 48 kHz, else 1; None: just that.
            use_pca: put PCA and quantisation behind VGGish.
            use_activation: keep VGGish's last ReLU.
            verbose: say, on stderr, what is done, and show a bar.
            audio_load_worker: threads that read and resample files while others are embedded; 0: none. The
                embeddings do not depend on it.
            enable_fusion: CLAP with feature fusion.
            weights: "official"; "seeded", a deterministic fill for trials, no published model; the path of a
                checkpoint in the official layout; or of an exported model (`.pt2`), taken unverified.
            device: "cpu", "cuda", "cuda:1", …, or "auto": cuda if there is one, else cpu.
            runner: on a CPU, run the network with kernels for the processor, "fast", or as exported, "plain".
            batch_size: windows at once, where the model embeds windows, and on a GPU EnCodec's files side by
                side; None: the model's own.
            on_bad_file: files that cannot be read whole: "fail" before anything is embedded, or "skip".
            on_short_file: files below the model's minimum: "fail", "skip", or "pad" with zeros.
            on_duplicate: files of a set with the same sound: "note" it beside the score, "fail", or "drop"
                all but the first by name.
            max_peak: the largest absolute sample value that a file may hold, where values within ±1 are
                expected; a file beyond it is bad.
            leftovers: what fadtk or kadtk have written into a set's folder: "ignore" it, or "use" it as data.
            crop: what of a file longer than CLAP's window is embedded (docs/models.md).
            hop_seconds: from one of the windows to the next, with crop="windows".
            seed: of random crops.
            compatibility: "frechet-audio-distance": do as the original also where it is wrong.
            memory_gb: what embedding one file may take; longer ones are bad files.
            progress: show, on stderr, that something is fetched, exported and verified, which happens once.
            cache_dir: folder of the exported models and their verdicts; None: `$FAD_CACHE_DIR`, else
                `~/.cache/fad-core/exported` (`fad_core.api.model_cache.default_cache_dir`).
            trust: load a `.pt2` even if that runs code which the file may contain; only for files from a
                source you trust.

        Raises:
            ArgumentError: arguments do not go together, or one is none of its values; the message says what
                is right.
            ModelError: there is no such model.
        """
        if isinstance(submodel_name, int):
            raise ArgumentError(
                f"submodel_name={submodel_name}: the third argument is the submodel's name, as in "
                f"frechet-audio-distance; write sample_rate={submodel_name}"
            )
        if audio_load_worker < 0:
            raise ArgumentError(f"audio_load_worker={audio_load_worker} is negative: 0 loads nothing ahead")
        require_batch_size(batch_size)
        options = Options(crop, hop_seconds, seed, compatibility, memory_gb)
        self.model_name, self.submodel_name = model_name, submodel_name
        self.enable_fusion, self.verbose, self.audio_load_worker = enable_fusion, verbose, audio_load_worker
        self.weights = os.fspath(weights)
        if is_exported(model_name):
            if self.weights != "official":
                raise ArgumentError(f"model_name={model_name!r} holds its weights: leave weights out")
            self.weights, model_name = model_name, model_in(Path(model_name).expanduser())
        given = ModelArguments(
            model_name, submodel_name, sample_rate, channels, use_pca, use_activation, enable_fusion
        )
        model = model_of(given)
        model.require_options(options)
        self.model_id, self.sample_rate, self.channels = model.name, model.sample_rate, model.channels
        self._ckpt_dir = None if ckpt_dir is None else Path(ckpt_dir)
        self._cache_dir, self._trust = None if cache_dir is None else Path(cache_dir).expanduser(), trust
        self._options, self._backend, self._batch_size = options, Backend(runner, device), batch_size
        self._policy = FilePolicy(on_bad_file, on_short_file, on_duplicate, max_peak, leftovers)
        self._progress = progress
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
        """The exported model; fetched, exported and verified now if it never was."""
        return self._load(frames=2)

    def score(
        self,
        background_dir: Source | None,
        eval_dir: Source | None,
        background_embds_path: str | os.PathLike[str] | None = None,
        eval_embds_path: str | os.PathLike[str] | None = None,
        dtype: Dtype = "float32",
    ) -> Score:
        """Score the evaluation set against the background.

        Args:
            background_dir: the reference: a folder (with all below it), a glob, a file, a list of files,
                `Waveforms`, embeddings `[N, D]` or a `.npy` file of them, `Statistics`, or an `EmbeddedSet`.
                None if its embeddings are there.
            eval_dir: likewise.
            background_embds_path: `.npy` file of the background's embeddings: read if it is there, and else
                written.
            eval_embds_path: likewise.
            dtype: what files are read as: "float32", or "float64", "int32" or "int16", then mixed and
                resampled in float64.

        Returns:
            The distance: a float that also has its table's `row`, what became of every file (`uses`), and
            `to_dict()`.

        Raises:
            DatasetError: a set is missing, empty, or gives fewer than 2 vectors.
            BadFilesError: files cannot be used and no option allows to go on; the message lists them all.
            ArgumentError: a set is given by nothing.
            FadError: whatever else is the input's fault, with a message that says what to do.
        """
        _require_choice("dtype", dtype, get_args(Dtype))
        sides = {
            "background": (background_dir, background_embds_path),
            "eval": (eval_dir, eval_embds_path),
        }
        if background_embds_path is not None and background_embds_path == eval_embds_path:
            raise ArgumentError(f"both sets' embeddings would lie in {background_embds_path}: name two files")
        given: list[Source] = []
        kept_at: list[Path | None] = []
        for side, (source, path) in sides.items():
            kept = None if path is None else embeddings_path(path)
            if kept is not None and kept.is_file():
                source = kept
            elif source is None:
                raise ArgumentError(f"{side}_dir is None, and {side}_embds_path is {_absent(path)}")
            given.append(source)
            kept_at.append(None if source is kept else kept)
        names = names_of(given[0], given[1], ("background", "eval"))
        sources = dict(zip(names, given, strict=True))
        to_write = [(name, kept) for name, kept in zip(names, kept_at, strict=True) if kept is not None]
        exported, embedded = self._embedded(sources, keep=bool(to_write), dtype=dtype)
        for name, path in to_write:
            if embedded[name].files is not None:
                save_embeddings(embedded[name].embeddings, exported.use, path)
        return score_embedded(embedded[names[0]], embedded[names[1]], "fad", exported)

    def get_embeddings(self, x: Sequence[ArrayLike], sr: int) -> NDArray[np.float32]:
        """Embed sounds.

        Args:
            x: waveforms, each `[samples]` or `[samples, channels]`, floats within ±1.
            sr: their sample rate in Hz; another one than the model's is resampled.

        Returns:
            float32 `[N, D]`, in the order of `x`; PANN's with compatibility="frechet-audio-distance" end to
            end, `[N·D]`.

        Raises:
            BadFilesError: waveforms cannot be used and no option allows to go on; they are called by their
                places, 0000 and on.

        Warns:
            UserWarning: what is to be known of their sound, such as peaks far beyond ±1, or silence.
        """
        sound = Waveforms([np.asarray(waveform) for waveform in x], sr)
        exported, embedded = self._embedded({"x": sound}, keep=True, to_compare=False)
        counts = embedded["x"].set.counts
        for note in set_notes(counts) if counts is not None else ():
            warnings.warn(note, stacklevel=2)
        embeddings = embedded["x"].embeddings
        return embeddings.reshape(-1) if exported.use.takes_scalars else embeddings

    def calculate_embd_statistics(self, embd_lst: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
        """Mean `[D]` and covariance `[D, D]` of embeddings `[N, D]`, as the original computes them.

        `score` does not use this: it never forms a covariance (`fad_core.metrics.statistics`).
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
        """The Fréchet distance of two Gaussians.

        Args:
            mu1: mean of the first, `[D]`.
            sigma1: its covariance, `[D, D]`.
            mu2: mean of the second.
            sigma2: its covariance.
            eps: what the original adds to the diagonals where its square root fails; not needed here.

        Raises:
            ValueError: the shapes do not fit, or a covariance is none.
        """
        first, second = Moments.from_covariance(mu1, sigma1), Moments.from_covariance(mu2, sigma2)
        return frechet_distance(first, second).value

    def _embedded(
        self, sources: dict[str, Source], *, keep: bool, to_compare: bool = True, dtype: Dtype = "float32"
    ) -> tuple[ExportedModel, dict[str, Embedded]]:
        """Sets, embedded, and the model; what is wrong with a file is said before a model is fetched."""
        use = ModelUse(get_model(self.model_id), replace(self._options, dtype=dtype))
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
        exported = self._load(frames=3).with_options(use.options)
        with self._bar("embed", scanned.count) as advance:
            return exported, scanned.embed(exported, workers=self.audio_load_worker, progress=advance)

    def _load(self, frames: int) -> ExportedModel:
        """The exported model; a warning about it is of the line so many calls above."""
        if self._exported is None:
            self._exported = verified_model(
                self.model_id,
                self.weights,
                self._ckpt_dir,
                self._reporter(),
                self._options,
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
        """Says what takes long: in one line the first time, and more if that is wanted."""
        told = False

        def report(line: str) -> None:
            nonlocal told
            if self._progress and not told:
                folder = self._cache_dir or default_cache_dir()
                sys.stderr.write(
                    f"fad_core: first use of {self.model_id} with {self.weights} weights: it is exported and "
                    f"verified in {folder}, which takes a minute or more, once\n"
                )
            if self.verbose:
                sys.stderr.write(f"fad_core: {line}\n")
            sys.stderr.flush()
            told = True

        return report

    def _bar(self, what: str, total: int | None = None) -> Any:
        return file_progress(what, total, quiet=not (self.verbose and self._progress))


def _require_choice(name: str, value: object, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ArgumentError(f"{name}={value!r} is none of {', '.join(choices)}")


def _absent(path: str | os.PathLike[str] | None) -> str:
    return "not given" if path is None else f"not there: {embeddings_path(path)}"
