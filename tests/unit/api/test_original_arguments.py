"""The arguments of the original package and of the exported one: what they mean, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from fad_core.api.original_arguments import model_of
from fad_core.errors import ArgumentError, FadError, ModelError
from fad_core.models import model_ids


def meant(**given: Any) -> str:
    return model_of(**{"model_name": "vggish", **given}).name


@pytest.mark.parametrize(
    ("given", "model"),
    [
        ({}, "vggish"),
        ({"sample_rate": 16000, "channels": 1}, "vggish"),
        ({"use_activation": True}, "vggish-activation"),
        ({"use_pca": True}, "vggish-pca"),
        ({"use_pca": True, "use_activation": True}, "vggish-pca-activation"),
        ({"model_name": "pann"}, "pann-16k"),
        ({"model_name": "pann", "sample_rate": 8000}, "pann-8k"),
        ({"model_name": "pann", "sample_rate": 32000}, "pann-32k"),
        ({"model_name": "encodec"}, "encodec-24k"),
        ({"model_name": "encodec", "channels": 2}, "encodec-48k"),
        ({"model_name": "encodec", "sample_rate": 24000, "channels": 1}, "encodec-24k"),
        ({"model_name": "encodec", "sample_rate": 48000}, "encodec-48k"),
        ({"model_name": "encodec", "sample_rate": 48000, "channels": 2}, "encodec-48k"),
        ({"model_name": "clap"}, "clap-630k-audioset"),
        ({"model_name": "clap", "sample_rate": 48000, "enable_fusion": True}, "clap-630k-audioset-fusion"),
        ({"model_name": "clap", "submodel_name": "630k"}, "clap-630k"),
        ({"model_name": "clap", "submodel_name": "630k", "enable_fusion": True}, "clap-630k-fusion"),
        ({"model_name": "clap", "submodel_name": "music_audioset"}, "clap-music-audioset"),
        ({"model_name": "clap", "submodel_name": "music_speech"}, "clap-music-speech"),
        ({"model_name": "clap", "submodel_name": "music_speech_audioset"}, "clap-music-speech-audioset"),
        ({"model_name": "vggish-pca", "use_pca": True}, "vggish-pca"),
        ({"model_name": "clap-630k-fusion", "enable_fusion": True}, "clap-630k-fusion"),
        *(({"model_name": name}, name) for name in model_ids()),
    ],
)
def test_what_is_meant(given: dict[str, Any], model: str) -> None:
    assert meant(**given) == model


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ({"sample_rate": 44100}, "give 16000"),
        ({"channels": 2}, "give 1"),
        ({"model_name": "pann", "sample_rate": 44100}, "8000 or 16000 or 32000"),
        ({"model_name": "pann-8k", "sample_rate": 16000}, "give 8000"),
        ({"model_name": "pann", "use_pca": True}, 'use_pca=True requires model_name="vggish"'),
        ({"model_name": "vggish", "enable_fusion": True}, 'enable_fusion=True requires model_name="clap"'),
        ({"model_name": "vggish-pca", "use_activation": True}, "not vggish-pca"),
        ({"model_name": "encodec", "sample_rate": 16000}, "24000 or 48000"),
        ({"model_name": "encodec", "sample_rate": 48000, "channels": 1}, "give 2"),
        ({"model_name": "encodec", "sample_rate": 24000, "channels": 2}, "give 1"),
        ({"model_name": "clap", "sample_rate": 16000}, "give 48000"),
        ({"model_name": "clap", "submodel_name": "music"}, "630k-audioset, 630k, music_audioset"),
        (
            {"model_name": "clap", "submodel_name": "music_speech", "enable_fusion": True},
            "630k-audioset and 630k",
        ),
        ({"model_name": "clap-630k", "submodel_name": "music_speech"}, 'requires model_name="clap"'),
        ({"model_name": "vggish", "submodel_name": "630k"}, 'requires model_name="clap"'),
    ],
)
def test_what_contradicts_itself_is_refused_with_what_is_right(given: dict[str, Any], right: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        meant(**given)
    assert right in str(caught.value)
    assert isinstance(caught.value, FadError) and isinstance(caught.value, ValueError)


def test_an_unknown_model_is_refused_with_the_list() -> None:
    with pytest.raises(ModelError, match="Did you mean 'vggish'"):
        meant(model_name="vgish")
