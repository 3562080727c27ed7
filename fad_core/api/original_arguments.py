"""Which model the arguments of `frechet-audio-distance` and of the exported package mean.

The original names a family and describes the variant: `model_name="pann", sample_rate=32000`. The exported
package names the variant, `model_name="pann-32k"`, as everything here does. Both are understood; what
contradicts itself, or means nothing for the model, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from fad_core.errors import ArgumentError
from fad_core.models import get_model
from fad_core.models.base import EmbeddingModel

SUBMODEL = "630k-audioset"
"""The original's default for `submodel_name`."""

# (use_pca, use_activation) → id
_VGGISH = {
    (False, False): "vggish",
    (False, True): "vggish-activation",
    (True, False): "vggish-pca",
    (True, True): "vggish-pca-activation",
}
_PANN = {8000: "pann-8k", 16000: "pann-16k", 32000: "pann-32k"}
_ENCODEC = {24000: "encodec-24k", 48000: "encodec-48k"}
# submodel_name → (id, id with fusion)
_CLAP = {
    "630k-audioset": ("clap-630k-audioset", "clap-630k-audioset-fusion"),
    "630k": ("clap-630k", "clap-630k-fusion"),
    "music_audioset": ("clap-music-audioset", ""),
    "music_speech": ("clap-music-speech", ""),
    "music_speech_audioset": ("clap-music-speech-audioset", ""),
}
_PANN_RATE = 16000  # the original's default for sample_rate


@dataclass(frozen=True)
class ModelArguments:
    """What the constructor is told of the model; see `fad_core.api.drop_in.FrechetAudioDistance`."""

    model_name: str
    submodel_name: str
    sample_rate: int | None
    channels: int | None
    use_pca: bool
    use_activation: bool
    enable_fusion: bool


def model_of(given: ModelArguments) -> EmbeddingModel:
    """The model that is meant.

    Raises:
        ArgumentError: the arguments contradict each other, or say nothing of this model.
        ModelError: there is no such model.
    """
    model = get_model(_id_of(given))
    _require_consistent(given, model)
    return model


def _id_of(given: ModelArguments) -> str:
    if given.model_name == "vggish":
        return _VGGISH[given.use_pca, given.use_activation]
    if given.model_name == "pann":
        return _by_rate(given, _PANN, _PANN_RATE)
    if given.model_name == "encodec":
        return _by_rate(given, _ENCODEC, 48000 if given.channels == 2 else 24000)
    if given.model_name == "clap":
        return _clap(given)
    return given.model_name


def _by_rate(given: ModelArguments, ids: dict[int, str], default: int) -> str:
    rate = default if given.sample_rate is None else given.sample_rate
    if rate not in ids:
        rates = " or ".join(map(str, ids))
        raise ArgumentError(f'model_name="{given.model_name}" takes sample_rate={rates}, not {rate}')
    return ids[rate]


def _clap(given: ModelArguments) -> str:
    if given.submodel_name not in _CLAP:
        raise ArgumentError(f"submodel_name={given.submodel_name!r} is none of {', '.join(_CLAP)}")
    plain, fused = _CLAP[given.submodel_name]
    if given.enable_fusion and not fused:
        fusing = " and ".join(name for name, (_, fused) in _CLAP.items() if fused)
        raise ArgumentError(
            f'submodel_name="{given.submodel_name}" was trained without fusion: leave enable_fusion out, or '
            f"choose {fusing}"
        )
    return fused if given.enable_fusion else plain


def _require_consistent(given: ModelArguments, model: EmbeddingModel) -> None:
    if given.sample_rate not in (None, model.sample_rate):
        raise ArgumentError(
            f"{model.name} hears {model.sample_rate} Hz, so sample_rate={given.sample_rate} is wrong: leave "
            f"it out, or give {model.sample_rate}. Files of any rate are resampled."
        )
    if given.channels not in (None, model.channels):
        raise ArgumentError(
            f"{model.name} hears {'mono' if model.channels == 1 else 'stereo'}, so channels={given.channels} "
            f"is wrong: leave it out, or give {model.channels}. Files of any number of channels are mixed."
        )
    for argument, option, ids in (
        ("use_pca", "pca", "vggish"),
        ("use_activation", "activation", "vggish"),
        ("enable_fusion", "fusion", "clap"),
    ):
        if getattr(given, argument) and not model.variant.get(option):
            raise ArgumentError(
                f'{argument}=True goes with model_name="{ids}", and means nothing for {model.name}'
            )
    if given.submodel_name != SUBMODEL and given.model_name != "clap":
        raise ArgumentError(
            f'submodel_name="{given.submodel_name}" goes with model_name="clap", not "{given.model_name}"'
        )
