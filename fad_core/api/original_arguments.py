"""Find the model that arguments of `frechet-audio-distance`, or of the exported package, describe.

The original names a family and describes the variant: `model_name="pann", sample_rate=32000`. The exported
package names the variant, `model_name="pann-32k"`, as this one does. Both forms are read; arguments that
contradict each other, or do not apply to the model, are refused.
"""

from __future__ import annotations

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
# model_name → sample_rate → id; the first rate is the default.
_BY_RATE = {
    "pann": {16000: "pann-16k", 8000: "pann-8k", 32000: "pann-32k"},
    "encodec": {24000: "encodec-24k", 48000: "encodec-48k"},
}
# submodel_name → (id, id with fusion)
_CLAP = {
    "630k-audioset": ("clap-630k-audioset", "clap-630k-audioset-fusion"),
    "630k": ("clap-630k", "clap-630k-fusion"),
    "music_audioset": ("clap-music-audioset", ""),
    "music_speech": ("clap-music-speech", ""),
    "music_speech_audioset": ("clap-music-speech-audioset", ""),
}


def model_of(
    model_name: str,
    submodel_name: str = SUBMODEL,
    sample_rate: int | None = None,
    channels: int | None = None,
    *,
    use_pca: bool = False,
    use_activation: bool = False,
    enable_fusion: bool = False,
) -> EmbeddingModel:
    """Return the model that the arguments of `FrechetAudioDistance` describe; they are documented there.

    Raises:
        ArgumentError: arguments contradict each other, or do not apply to this model.
        ModelError: there is no such model.

    >>> model_of("encodec", channels=2).name
    'encodec-48k'
    """
    if submodel_name != SUBMODEL and model_name != "clap":
        raise ArgumentError(f'submodel_name="{submodel_name}" requires model_name="clap", not "{model_name}"')
    model_id = model_name
    if model_name == "vggish":
        model_id = _VGGISH[use_pca, use_activation]
    elif model_name in _BY_RATE:
        ids = _BY_RATE[model_name]
        default = 48000 if (model_name, channels) == ("encodec", 2) else next(iter(ids))
        rate = default if sample_rate is None else sample_rate
        if rate not in ids:
            rates = " or ".join(map(str, sorted(ids)))
            raise ArgumentError(f'model_name="{model_name}" accepts sample_rate={rates}, not {rate}')
        model_id = ids[rate]
    elif model_name == "clap":
        model_id = _clap_id(submodel_name, enable_fusion)
    model = get_model(model_id)
    for name, given, right, any_file in (
        ("sample_rate", sample_rate, model.sample_rate, "Files of any rate are resampled."),
        ("channels", channels, model.channels, "Files with any number of channels are mixed."),
    ):
        if given not in (None, right):
            raise ArgumentError(
                f"{model.name} has {name}={right}, not {given}: omit it, or give {right}. {any_file}"
            )
    for name, chosen, variant, family in (
        ("use_pca", use_pca, "pca", "vggish"),
        ("use_activation", use_activation, "activation", "vggish"),
        ("enable_fusion", enable_fusion, "fusion", "clap"),
    ):
        if chosen and not model.variant.get(variant):
            raise ArgumentError(f'{name}=True requires model_name="{family}", not {model.name}')
    return model


def _clap_id(submodel_name: str, enable_fusion: bool) -> str:
    if submodel_name not in _CLAP:
        raise ArgumentError(f"submodel_name must be one of {', '.join(_CLAP)}, not {submodel_name!r}")
    plain, fused = _CLAP[submodel_name]
    if enable_fusion and not fused:
        fusing = " and ".join(name for name, (_, fused) in _CLAP.items() if fused)
        raise ArgumentError(
            f'submodel_name="{submodel_name}" was trained without fusion: omit enable_fusion, or choose '
            f"{fusing}"
        )
    return fused if enable_fusion else plain
