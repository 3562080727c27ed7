"""`compatibility: fadtk`. tests/live_fadtk compares with fadtk itself."""

from __future__ import annotations

import numpy as np
import pytest
from fad_study.study_names import validate_names

from fad_core.embedding.embed import prepare_waveform
from fad_core.errors import ModelError
from fad_core.models import get_model, model_ids
from fad_core.models.fadtk_conventions import FADTK_NAMES
from fad_core.models.options import Options
from fad_core.models.use import ModelUse

FADTK = Options(compatibility="fadtk")


def use_of(name: str) -> ModelUse:
    return ModelUse(get_model(name), FADTK)


def noise(seconds: float, rate: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1.1, 1.1, (channels, round(seconds * rate))).astype(np.float32)


@pytest.mark.parametrize("name", ["vggish", "encodec-48k"])
def test_sound_is_mono_and_has_16_bits(name: str) -> None:
    use = use_of(name)
    prepared = prepare_waveform(noise(1.2, 44100), 44100, use)
    assert prepared.shape == (use.model.channels, use.prepared_length(round(1.2 * 44100), 44100))
    np.testing.assert_array_equal(prepared, np.round(prepared * 32768) / 32768)
    assert np.abs(prepared).max() <= 1 and (prepared == prepared[:1]).all()


@pytest.mark.parametrize("name", list(FADTK_NAMES))
def test_counts_agree_with_features(name: str) -> None:
    use = use_of(name)
    for seconds in (0.5, 1.0, 2.3):
        if seconds < 0.975 and name == "vggish":
            continue
        samples = use.prepared_length(round(seconds * 22050), 22050)
        prepared = prepare_waveform(noise(seconds, 22050), 22050, use)
        assert prepared.shape[1] == samples
        features = use.frontend(prepared)
        count = use.vector_count(samples)
        assert len(use.start_seconds(samples)) == count
        if name.startswith("clap"):
            assert features[0].shape == (count, 480_000) and count == -(-samples // 48_000)
        if name.startswith("encodec"):
            assert sum(block[0].shape[-1] for block in use.model.blocks(features)) == samples


def test_clap_sees_ten_seconds_from_each_second_and_zeros_behind_the_end() -> None:
    samples = np.arange(1, 96_001, dtype=np.float32)[None] / 200_000
    (windows,) = use_of("clap-630k-audioset").frontend(samples)
    assert windows.shape == (2, 480_000) and (windows[1, 48_000:] == 0).all()
    np.testing.assert_array_equal(windows[0, 48_000:96_000], windows[1, :48_000])
    np.testing.assert_allclose(windows[0, :96_000], samples[0], atol=1 / 32767)
    # Cut, not rounded.
    assert (windows[0, :96_000] <= samples[0]).all()


def test_encodec_48k_goes_through_in_seconds_and_stops_after_three_minutes() -> None:
    use = use_of("encodec-48k")
    blocks = list(use.model.blocks(use.frontend(noise(2.5, 48_000))))
    assert [block[0].shape for block in blocks] == [(1, 2, 48_000)] * 2 + [(1, 2, 24_000)]
    assert use.vector_count(48_000 * 500) == 180 * 150 == len(use.start_seconds(48_000 * 500))
    assert use.memory_bytes(48_000 * 500) == use.memory_bytes(48_000)
    (whole,) = use_of("encodec-24k").frontend(noise(181, 24_000, 1))
    assert whole.shape == (1, 1, 180 * 24_000)


def test_embeddings_are_rounded_to_float16() -> None:
    vectors = {"embedding": np.array([[1.0001, 1e-9, 60000.0]], np.float32)}
    assert use_of("vggish").finish(vectors)["embedding"].tolist() == [[1.0, 0.0, 60000.0]]
    assert ModelUse(get_model("vggish")).finish(vectors) is vectors


def test_settings_name_it_and_nothing_that_has_no_effect() -> None:
    assert use_of("clap-630k-audioset").text == use_of("vggish").text == "compatibility=fadtk"


def test_models_that_fadtk_does_not_have_are_refused() -> None:
    for name in model_ids():
        if name in FADTK_NAMES:
            use_of(name)
        else:
            with pytest.raises(ModelError, match=f"fadtk has no {name}"):
                use_of(name)
    entry = {"id": "pann-16k", "weights": "seeded", "crop": "random", "hop_seconds": 10.0}
    config = {"models": [entry], "metrics": ["fad"], "compatibility": "fadtk"}
    assert [error for error in validate_names(config, {"datasets"}) if "fadtk has no pann-16k" in error]
