"""A model with the options of its use, and the key that comparable sets of vectors share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.audio.kaiser_sinc import kaiser_sinc_length
from fad_core.audio.resample import resampled_length
from fad_core.models.base import Arrays, EmbeddingModel, Vectors
from fad_core.models.fadtk_conventions import round_vectors
from fad_core.models.options import DEFAULT_OPTIONS, Options

__all__ = ["ModelKey", "ModelUse"]


@dataclass(frozen=True)
class ModelUse:
    """A model with the options of its use.

    Attributes:
        model: the description of the model.
        options: how it is used.

    Raises:
        ModelError: the options mean nothing for this model.

    >>> from fad_core.models import get_model
    >>> from fad_core.models.options import Options
    >>> use = ModelUse(get_model("clap"), Options(crop="windows", hop_seconds=5.0))
    >>> use.vector_count(60 * 48000), use.text
    (11, 'crop=windows hop_seconds=5.0')
    """

    model: EmbeddingModel
    options: Options = DEFAULT_OPTIONS

    def __post_init__(self) -> None:
        self.model.require_options(self.options)

    def frontend(self, waveform: NDArray[np.floating[Any]], key: str = "") -> Arrays:
        """Compute the features of a waveform, with these options.

        Args:
            waveform: float32 or float64 `[channels, samples]`, with the model's channels and sample rate.
            key: identifies the file (its sha256), for random draws.

        Returns:
            One array or several `[N, …]`, as `EmbeddingModel.frontend` returns them.

        Raises:
            ValueError: the waveform is shorter than the model's minimum.
        """
        if not self.model.quirks.float64_waveforms:
            waveform = waveform.astype(np.float32, copy=False)
        return self.model.frontend(waveform, self.options, key)

    def vector_count(self, samples: int) -> int:
        """Return the number of vectors of a waveform, with these options.

        Args:
            samples: length of the waveform in samples, at least the model's minimum.

        Returns:
            N, the same for each output.
        """
        return self.model.vector_count(samples, self.options)

    def start_seconds(self, samples: int, key: str = "") -> NDArray[np.float64]:
        """Return the start of each window of a file, with these options.

        Args:
            samples: length of the waveform in samples, at least the model's minimum.
            key: identifies the file (its sha256), for random draws.

        Returns:
            Seconds, float64 `[N]`.
        """
        return self.model.start_seconds(samples, self.options, key)

    def prepared_length(self, samples: int, sample_rate: int) -> int:
        """Return the length of a file at the model's rate.

        Args:
            samples: length of the file in samples.
            sample_rate: its sample rate in Hz.

        Returns:
            Samples at the model's rate; 0 if the file is too short for one.
        """
        length = kaiser_sinc_length if self.options.imitate_fadtk else resampled_length
        return length(samples, sample_rate, self.model.sample_rate)

    def finish(self, vectors: Vectors) -> Vectors:
        """Return the vectors of a file as they are kept, with these options.

        Args:
            vectors: what the network gave, by output, float32 `[N, D]`.

        Returns:
            The same; rounded to float16 as fadtk does, if its conventions are followed.
        """
        if not self.options.imitate_fadtk:
            return vectors
        return {name: round_vectors(each) for name, each in vectors.items()}

    def memory_bytes(self, samples: int) -> int:
        """Return the peak memory of embedding a file, with these options.

        Args:
            samples: length of the waveform in samples.

        Returns:
            Bytes, without the model; 0 if independent of the length.
        """
        return self.model.memory_bytes(samples, self.options)

    @property
    def takes_scalars(self) -> bool:
        """Whether a set's vectors are treated as scalars (`OriginalQuirks.scalar_statistics`)."""
        return self.options.imitate_original and self.model.quirks.scalar_statistics

    @property
    def text(self) -> str:
        """The options that this model's embeddings depend on, for the tables; "" if on none."""
        options, named = self.options, []
        if self.model.cropped and not options.imitate_fadtk:
            named.append(f"crop={options.crop}")
            named += [f"hop_seconds={options.hop_seconds}"] if options.crop == "windows" else []
            named += [f"seed={options.seed}"] if options.crop == "random" else []
        if options.compatibility != "none":
            named.append(f"compatibility={options.compatibility}")
        if options.dtype != "float32":
            named.append(f"dtype={options.dtype}")
        if options.loudness is not None:
            named.append(f"loudness={options.loudness}")
        return " ".join(named)


@dataclass(frozen=True)
class ModelKey:
    """The properties that two sets of vectors must share to be compared.

    Attributes:
        model: the model's id, or its name in a study.
        weights: "official", "seeded" or the name of the user's file.
        weights_sha256: SHA-256 of the checkpoint that names the weights.
        settings: how the model was used and where it ran, as text; "" if as by default.
    """

    model: str
    weights: str
    weights_sha256: str
    settings: str

    def matches(self, other: ModelKey) -> bool:
        """Return whether sets with the two keys can be compared.

        Args:
            other: the other key.

        Returns:
            True if they are equal, but that of the hash of official weights the first digits may suffice,
            where no more are published.

        >>> key = ModelKey("vggish", "official", "10086976", "")
        >>> key.matches(ModelKey("vggish", "official", "100869761234", ""))
        True
        """
        hashes = sorted((self.weights_sha256, other.weights_sha256), key=len)
        alike = replace(self, weights_sha256="") == replace(other, weights_sha256="")
        partly = self.weights == "official" and hashes[0] != "" and hashes[1].startswith(hashes[0])
        return alike and (hashes[0] == hashes[1] or partly)

    def __str__(self) -> str:
        """In words, for messages."""
        settings = f", {self.settings}" if self.settings else ""
        return f"{self.model} ({self.weights} weights {self.weights_sha256[:8]}{settings})"
