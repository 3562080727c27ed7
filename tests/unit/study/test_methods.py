"""The paragraph for the methods section, and the references that it cites."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from fad_study import papers
from fad_study.papers.citations import bibliography, cite, with_citations
from fad_study.papers.latex_text import latex_text
from fad_study.papers.markdown import markdown_text
from fad_study.papers.methods import score_sentences, version_sentence
from fad_study.study_models import parse_models
from small_study import SHA, UNREMARKABLE, clap_score
from small_study import distance as any_distance

from fad_core import __version__
from fad_core.embedding.clap_score import SEVERAL_NOTE
from fad_core.embedding.distances import SEEDED_NOTE
from fad_core.metrics import _built_in
from fad_core.metrics.frechet import BIAS_NOTES
from fad_core.models import get_model, model_ids

distance = partial(any_distance, excluded=0, padded=0)
REFERENCES = (Path(papers.__file__).parent / "references.bib").read_text(encoding="utf-8")
COUNTS = {"found": 9, "used": 4, "padded": 2, "excluded": 1, "ignored": 2, "vectors": 60, "seconds": 75.0}
COUNTS |= UNREMARKABLE


def sets(*models: str, names: tuple[str, ...] = ("clean", "loud"), **others: Any) -> list[dict[str, Any]]:
    return [{"model": model, "dataset": name} | COUNTS | others for model in models for name in names]


def paragraph(specifications: list[str], weights: str = "official", **others: Any) -> str:
    models = parse_models(specifications)
    rows = [distance("clean", "loud", 8.0, weights, model=model, **others) for model in models]
    return " ".join(score_sentences(models, rows, sets(*models)))


def of_metrics(settings: dict[str, dict[str, str]]) -> str:
    """The paragraph on metrics with these settings, by each model."""
    rows = [
        distance("a", "b", 1.0, "official", model=model, metric=metric, ci_low=0.5, metric_settings=text)
        for model, of_model in settings.items()
        for metric, text in of_model.items()
    ]
    models = parse_models([f"{model}={model}" for model in settings])
    return " ".join(score_sentences(models, rows, sets(*settings)))


@pytest.mark.parametrize("weights", ["seeded", "official"])
def test_methods_name_hash_rate_resampler_clips_and_what_is_seeded(weights: str) -> None:
    text = paragraph(["vggish=vggish"], weights)
    assert "Fréchet Audio Distance (FAD) [@kilgour2019] was computed by fad-core [@fad_core]" in text
    assert f"with {weights} weights: vggish (sha256 {SHA[weights][:16]}…)." in text
    assert "VGGish [@hershey2017] embedded audio at 16000 Hz mono (the mean of all channels)" in text
    assert "12 clips (2 min 30 s) of 2 sets, 6 of each; 4 were padded" in text and "2 excluded." in text
    assert "numbers n of vectors: 60 of each." in text
    assert "by resampy (kaiser_best) [@mcfee2016]." in text
    assert ("must not be reported as results" in text) == (weights == "seeded") == ("Warning" in text)


def test_methods_say_once_what_models_of_a_kind_share() -> None:
    text = paragraph(["clap=clap-630k", "music=clap-music-audioset", "e=encodec-24k", "f=encodec-48k"])
    assert text.count("CLAP [@wu2023] embedded audio at 48000 Hz mono (the mean of all channels) in 512") == 1
    assert "clap, which is clap-630k (sha256" in text and "and music, which is clap-music-audioset (" in text
    assert "e, which is encodec-24k (24000 Hz mono (the mean of all channels), sha256" in text
    assert "f, which is encodec-48k (48000 Hz stereo, sha256" in text
    for once in ("CLAP", "EnCodec", "Hz mono (the mean of all channels) in", "resampy", "padded", "12 clips"):
        assert text.count(once) == 1, once


def test_methods_name_what_was_done_as_other_packages_do_it() -> None:
    scalars = paragraph(["p=pann-16k compatibility=frechet-audio-distance"])
    assert "p, which is pann-16k" in scalars and "sample of scalars" in scalars
    text = paragraph(["v=vggish compatibility=fadtk"])
    assert "as by fadtk [@gui2024]: resampled by the Kaiser-windowed sinc of torchaudio [@yang2021]" in text
    assert "resampy" not in text
    both = paragraph(["v=vggish compatibility=fadtk", "vggish=vggish"])
    assert "resampled to the rate of vggish by resampy" in both and "For v, audio was prepared" in both


def test_methods_say_how_loud_sound_was_made() -> None:
    how = "scaled by a gain to an integrated loudness of -14 LUFS (ITU-R BS.1770-4), as pyloudnorm"
    text = paragraph(["vggish=vggish loudness=-14.0"])
    assert f"Each file was {how} {version('pyloudnorm')} [@itu2015; @steinmetz2021] measures it." in text
    assert f"For v, each file was {how}" in paragraph(["v=vggish loudness=-14.0", "vggish=vggish"])
    assert "LUFS" not in paragraph(["vggish=vggish"])


def test_methods_name_other_numbers_of_channels() -> None:
    (use,) = parse_models(["vggish=vggish"]).values()
    surround = {"vggish": replace(use, model=replace(use.model, channels=4))}
    rows = [distance("clean", "loud", 8.0, "official")]
    assert "16000 Hz with 4 channels" in " ".join(score_sentences(surround, rows, sets("vggish")))


def test_methods_give_the_counts_of_many_sets_as_a_range_and_warn_of_every_remark() -> None:
    counted = [row | {"vectors": n} for n in range(19, 32) for row in sets("vggish", names=(f"s{n}",))]
    bias = BIAS_NOTES[1]
    rows = [
        distance(
            "s19", "s20", 1.0, "seeded", note=f"reference: {bias}; evaluation: {bias}; small; {SEEDED_NOTE}"
        ),
        distance("s19", "s21", 1.0, "seeded", note=f"reference: {bias}; small; {SEEDED_NOTE}"),
        distance("s30", "s31", 1.0, "seeded", note=f"s31: 3 files peak above 4; small; few; {SEEDED_NOTE}"),
    ]
    text = " ".join(score_sentences(parse_models(["vggish=vggish"]), rows, counted))
    assert "of 13 sets, 6 of each; 26 were padded" in text and "vectors: 19 to 31 of each." in text
    assert f"Warning for distances (2 of 3 by vggish): reference or evaluated set: {bias}. " in text
    assert "Warning for distances (1 of 3 by vggish): s31: 3 files peak above 4; few. " in text
    assert "Warning for all distances: small. " in text and text.count("Warning for") == 3


def test_methods_name_the_sets_that_are_not_of_the_common_size() -> None:
    counted = sets("vggish", names=("a", "b", "c")) + sets("vggish", names=("ref",), used=9, vectors=7)
    rows = [distance("ref", name, 1.0, "official") for name in "abc"]
    text = " ".join(score_sentences(parse_models(["vggish=vggish"]), rows, counted))
    assert "29 clips (5 min 0 s) of 4 sets, 11 of ref, 6 of each other;" in text
    assert "vectors: 7 of ref, 60 of each other." in text


def test_methods_say_what_intervals_and_letters_are() -> None:
    models = parse_models(["vggish=vggish"])
    rows = [distance("a", "b", 1.0, "official", ci_low=0.5, ci_high=1.5, metric_settings="level=0.9")]
    text = " ".join(score_sentences(models, rows, sets("vggish"), [{"letters": "a"}]))
    assert "FAD with level=0.9" in text and "90 % confidence intervals of FAD are of the value in the" in text
    assert "Holm's method [@holm1979]" in text and "share a letter [@piepho2004] have p > 0.05" in text
    text = of_metrics({"pann-16k": {"fad": "", "kad": "", "kl": "", "is": ""}})
    assert "95 % confidence intervals of FAD and KAD are of the value in the populations, from a jack" in text
    assert "95 % confidence intervals of KL are of the mean over pairs of files, by Student's t." in text
    assert "95 % confidence intervals of IS are of the value in the populations, on a logarithmic" in text
    assert "confidence" not in paragraph(["vggish=vggish"]) and "letter" not in paragraph(["vggish=vggish"])


def test_methods_say_how_kl_and_the_inception_score_were_computed() -> None:
    text = of_metrics({"pann-16k": {"fad": "", "kl": "", "is": ""}, "passt-10s": {"kl": "", "is": ""}})
    assert text.startswith("Fréchet Audio Distance (FAD) [@kilgour2019] was computed by fad-core [@fad_core]")
    assert "[@fad_core] from all embedding vectors of each set of clips. Kullback-Leibler" in text
    assert "(KL) [@kreuk2023] was computed by fad-core [@fad_core] as the mean, over pairs of files" in text
    assert "of KL(reference ‖ evaluation), where the probabilities of a file are the softmax of" in text
    assert "Inception Score (IS) [@salimans2016] was computed by fad-core [@fad_core] as the mean" in text
    assert "seed 2020, of exp(mean of KL(p ‖ mean of p)), where" in text and "differ from" not in text
    assert (
        "The logits of pann-16k and passt-10s are those of 527 classes. 95 % confidence intervals of FAD"
        in text
    )
    assert r"KL(reference $\Vert$ evaluation)" in latex_text(text)


def test_methods_name_the_models_where_settings_of_a_metric_differ() -> None:
    text = of_metrics({"pann-16k": {"fad": "", "is": ""}, "passt-10s": {"fad": "", "is": "splits=1"}})
    assert "Inception Score (IS) by pann-16k [@salimans2016] was computed by" in text
    assert "Inception Score (IS) by passt-10s [@salimans2016] was computed by" in text
    assert "Settings that differ from the defaults: IS by passt-10s with splits=1." in text
    assert "95 % confidence intervals of IS are of the value" in text and "(FAD) [@kilgour2019] was" in text
    text = of_metrics({"pann-16k": {"is": ""}, "passt-10s": {"is": "level=0.9"}})
    assert text.count("Inception Score (IS) [@salimans2016] was") == 1
    assert "IS by passt-10s with level=0.9. 95 % confidence intervals of IS by pann-16k are" in text
    assert "90 % confidence intervals of IS by passt-10s are" in text


@pytest.mark.parametrize("weights", ["seeded", "official"])
def test_methods_say_how_the_clap_score_was_computed(weights: str) -> None:
    models = parse_models(["clap=clap-630k crop=first"])
    scores = [clap_score("ours", 0.3, weights), clap_score("theirs", 0.2, weights, files=9, note="odd")]
    text = " ".join(score_sentences(models, [], sets("clap"), scores=scores))
    assert text.startswith("The CLAP score [@huang2023] was computed by fad-core [@fad_core] as the mean")
    assert "each file and of its caption, neither clipped at 0 nor scaled." in text
    assert "number of files with captions: 12 of ours, 9 of theirs." in text
    words = "a minimal" if weights == "seeded" else "RoBERTa's"
    assert f"tokens of {words} vocabulary by tokenizers {version('tokenizers')}, cut after 77 tokens" in text
    assert "by the text half of the same checkpoint: RoBERTa [@liu2019] with a projection." in text
    assert "95 % confidence intervals of the CLAP score are of the mean over files, by Student's t." in text
    assert "CLAP [@wu2023] embedded audio at 48000 Hz" in text and SHA[weights][:16] in text
    assert "Warning for CLAP scores (1 of 2 by clap): odd." in text
    assert ("must not be reported" in text) == (weights == "seeded")


def test_methods_name_the_text_encoder_of_each_model_and_several_captions() -> None:
    models = parse_models(["clap=clap-630k crop=first", "msclap=msclap-2023"])
    note = f"24 captions of 12 files: {SEVERAL_NOTE}"
    scores = [clap_score("ours", 0.3, "official", model=name, note=note) for name in models]
    text = " ".join(score_sentences(models, [], sets("clap"), scores=scores))
    assert "each file and of its captions, averaged by file, neither" in text and "Warning" not in text
    assert "Captions for clap were divided" in text and "RoBERTa [@liu2019] with a projection." in text
    assert "Captions for msclap were divided into tokens of GPT-2's vocabulary by tokenizers" in text
    assert "and embedded by the text half of the same checkpoint: GPT-2 [@radford2019] with" in text


def test_all_metrics_and_models_have_a_reference() -> None:
    families = {get_model(model_id).family for model_id in model_ids()}
    assert all(map(cite, [*_built_in(), *families]))
    others = {"fad_core", "torch", "torchaudio", "resampy", "fadtk", "snakemake", "holm", "letters"}
    others |= {"loudness", "clap-score", "roberta", "gpt2"}
    named = {name for names in re.findall("keywords = {(.*)}", REFERENCES) for name in names.split(", ")}
    assert named == {*_built_in(), *families, *others}, "each entry is of something that is cited"


def test_the_references_are_those_that_are_cited_and_no_others() -> None:
    text = f"{paragraph(['vggish=vggish', 'clap=clap-630k'])} {version_sentence()}"
    latex = with_citations(text, latex_text, latex=True)
    cited = {key for keys in re.findall(r"~\\cite{([^}]*)}", latex) for key in keys.split(",")}
    entries = re.findall(r"^@\w+{(\w+),", bibliography(text), re.MULTILINE)
    assert cited == set(entries) and len(entries) == len(cited)
    assert cited == {
        "kilgour2019", "fad_core", "hershey2017", "wu2023", "mcfee2016", "paszke2019", "molder2021",
    }  # fmt: skip
    assert "keywords" not in bibliography(text)
    assert r"(FAD) [@kilgour2019] was" in with_citations(text, markdown_text, latex=False)


def test_the_reference_to_this_software_has_its_version() -> None:
    assert f"note = {{Version {__version__}}}" in bibliography(cite("fad_core"))
