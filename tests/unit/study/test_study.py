"""What a checked configuration means, and what it must not name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import soundfile
from fad_study.study import interpret_config, read_study, validate_files
from fad_study.study_models import StudyModel
from fad_study.study_names import validate_names

from fad_core.datasets import Dataset
from fad_core.errors import ConfigError
from fad_core.metrics import metric_names
from fad_core.models.options import Options
from fad_core.runner.backend import parse_settings


def config(**changes: Any) -> dict[str, Any]:
    """A configuration as the schema's defaults complete it."""
    given = {
        "study": "s",
        "seed": 3,
        "weights": "official",
        "compatibility": "none",
        "memory_gb": 16,
        "device": "cpu",
        "runner": "fast",
        "datasets": {name: {"path": f"audio/{name}", "shards": 1} for name in "cab"},
        "pairs": "all",
        "ranking": True,
        "models": [{"id": "vggish", "weights": "seeded"}],
        "metrics": ["fad"],
    } | changes
    given["models"] = [{"crop": "random", "hop_seconds": 10} | entry for entry in given["models"]]
    return given


def errors(given: Any) -> list[str]:
    return list(validate_names(given))


def test_all_pairs_are_each_pair_once_in_the_configurations_order():
    study = interpret_config(config())
    assert study.pairs == (("c", "a"), ("c", "b"), ("a", "b"))
    assert study.paired() == ["c", "a", "b"]
    used = ("study", "datasets", "pairs", "ranking", "models", "metrics")
    assert study.settings == {key: value for key, value in config().items() if key not in used}


def test_one_reference_is_compared_with_all_others():
    given = config(reference="a")
    assert interpret_config(given).pairs == (("a", "c"), ("a", "b"))
    assert errors(given) == []
    assert errors(config(reference="d")) == ["reference: there is no data set d; data sets: c, a, b"]
    near = config(reference="left", datasets={"lift": {"path": "x"}, "b": {"path": "b"}})
    assert errors(near) == ["reference: there is no data set left; did you mean 'lift'?"]
    assert errors(config(reference="a", datasets={"a": {"path": "x"}})) == [
        "reference: needs at least two data sets"
    ]


def test_labels_are_the_names_unless_others_are_given():
    sets = {"a": {"path": "a", "label": " Ours\n(v2) "}, "b": {"path": "b"}, "c": {"path": "c", "label": " "}}
    given = config(datasets={name: {"shards": 1} | entry for name, entry in sets.items()})
    assert interpret_config(given).labels == {"a": "Ours (v2)", "b": "b", "c": "c"}
    assert errors(given) == []
    sets["c"]["label"] = "Ours (v2)"
    assert errors(config(datasets=sets)) == [
        "datasets: a, c are labelled 'Ours (v2)'; give them different labels"
    ]
    sets["c"]["label"] = "b"
    assert "datasets: c is labelled 'b', which is the name of another set or group" in errors(
        config(datasets=sets)
    )


def test_files_without_a_partner_are_found_before_anything_is_embedded(tmp_path: Path):
    for place in ("a/1.wav", "a/2.wav", "b/1.flac", "b/3.flac", "c/1.wav", "c/2.wav"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / place, [0.0] * 100, 16000)
    models = [{"id": "pann-16k", "weights": "seeded", "metrics": ["kl", "fad"]}]
    given = config(audio_root=str(tmp_path), models=models, datasets=config()["datasets"])
    for entry in given["datasets"].values():
        entry["path"] = entry["path"].removeprefix("audio/")
    with_kl = list(validate_files(interpret_config(given)))
    assert [error.partition(":")[0] for error in with_kl] == ["kl of c and b", "kl of a and b"]
    assert "1 file of the reference and 1 file of the evaluation set have no partner" in with_kl[1]
    # The file without a partner may be one that is left out.
    assert list(validate_files(interpret_config(given | {"on_bad_file": "skip"}))) == []
    given["models"][0]["metrics"] = [{"id": "kl", "partners": "common"}]
    assert list(validate_files(interpret_config(given))) == []


def test_chosen_pairs_keep_their_direction_and_order():
    study = interpret_config(config(pairs=[["b", "c"], ["c", "b"], ["b", "b"]]))
    assert study.pairs == (("b", "c"), ("c", "b"), ("b", "b"))
    assert study.paired() == ["c", "b"], "what no pair needs is not read"


@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [
        (None, "a/b", "a/b"),
        (None, "/a/b", "/a/b"),
        (None, "~/b", str(Path.home() / "b")),
        ("root", "a/*.wav", "root/a/*.wav"),
        ("root", "/a/b", "/a/b"),
        ("~/root", "b", str(Path.home() / "root/b")),
        ("root", "@a/x.csv:file", "@root/a/x.csv:file"),
        (None, "@a/x.txt", "@a/x.txt"),
        ("root", "@~/x.txt", f"@{Path.home()}/x.txt"),
        ("root", ["@x.wav"], ("root/@x.wav",)),
        ("root", ["x.wav", "/y.wav"], ("root/x.wav", "/y.wav")),
    ],
)
def test_paths_start_from_the_audio_root(root: str | None, path: Any, expected: Any):
    given = config(datasets={"a": {"path": path, "shards": 2}, "b": {"path": "b", "shards": 1}})
    if root is not None:
        given["audio_root"] = root
    study = interpret_config(given)
    assert study.datasets["a"] == Dataset("a", expected)
    assert study.shards == {"a": 2, "b": 1}


def test_models_go_by_their_names():
    entries = [{"id": "vggish", "weights": "seeded"}, {"id": "vggish", "weights": "w.pth", "name": "mine"}]
    assert interpret_config(config(models=entries)).models == {
        "vggish": StudyModel("vggish", "vggish", "seeded", metrics={"fad": "fad"}),
        "mine": StudyModel("mine", "vggish", "w.pth", metrics={"fad": "fad"}),
    }


def test_a_model_may_have_metrics_of_its_own():
    own = {"id": "pann-16k", "metrics": ["kl", {"id": "is", "splits": 2}, "fad"]}
    study = interpret_config(config(models=[{"id": "vggish"}, own], metrics=["kad"]))
    assert {name: dict(model.metrics) for name, model in study.models.items()} == {
        "vggish": {"kad": "kad"},
        "pann-16k": {"kl": "kl", "is": "is splits=2", "fad": "fad"},
    }
    assert study.metrics == ["kad", "kl", "is", "fad"]
    wrong = config(
        models=[{"id": "vggish", "metrics": ["kl", "kl"]}, {"id": "pann-8k", "metrics": ["kl", "fed"]}]
    )
    assert errors(wrong) == [
        "metrics: kl needs the output 'logits', which vggish does not have; models that have it: pann-8k, "
        "pann-16k, pann-32k, pann-wavegram-logmel, passt, passt-10s",
        "metrics: there is no metric 'fed'. Did you mean 'fad'? Metrics: " + ", ".join(metric_names()) + ".",
        "metrics: 'kl' is given twice; a model computes each metric once",
    ]


def test_everything_that_does_not_exist_is_told_at_once():
    found = errors(
        config(
            pairs=[["a", "x"], ["y", "b"], ["a", "b"], ["a", "b"]],
            models=[{"id": "vgish", "weights": "seeded"}, *2 * [{"id": "vggish", "weights": "seeded"}]],
            metrics=["fed"],
        )
    )
    expected = [
        "models: there is no model 'vgish'. Did you mean 'vggish'?",
        "models: two entries are called 'vggish'; give them different names with `name:`",
        "metrics: there is no metric 'fed'. Did you mean 'fad'? Metrics: coverage",
        "pairs: there is no data set x, y; data sets: c, a, b",
        "pairs: [a, b] is given twice",
    ]
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True)), found


def test_all_pairs_of_one_set_are_none():
    assert errors(config(datasets={"a": {"path": "a", "shards": 1}})) == [
        "pairs: all needs at least two data sets"
    ]


def test_files_that_are_not_there_are_told_at_once(tmp_path: Path):
    (tmp_path / "a").mkdir()
    soundfile.write(tmp_path / "a" / "x.wav", [0.0, 0.0], 8000)
    given = config(audio_root=str(tmp_path), datasets={n: {"path": n, "shards": 1} for n in ("a", "b", "c")})
    given["pairs"] = [["a", "b"]]
    given["models"][0]["weights"] = str(tmp_path / "w.pth")
    message = "\n".join(validate_files(interpret_config(given)))
    assert str(tmp_path / "b") in message
    assert "w.pth is neither official nor seeded, and there is no such file" in message
    assert str(tmp_path / "c") not in message, "no pair needs it"
    given["models"][0]["weights"] = "mine.pt2"
    (_, message) = validate_files(interpret_config(given))
    assert "mine.pt2 is an exported model" in message and "name the checkpoint" in message
    given["pairs"] = [["a", "a"]]
    given["models"][0]["weights"] = "seeded"
    assert not list(validate_files(interpret_config(given)))


def test_the_same_weights_under_two_names_are_told(tmp_path: Path):
    entries = [{"id": "vggish", "weights": str(tmp_path / f"{name}.pth"), "name": name} for name in "ab"]
    for entry in entries:
        Path(entry["weights"]).write_bytes(b"the same")
    (message,) = validate_files(interpret_config(config(pairs=[], models=entries)))
    assert "a.pth' and '" in message and "b.pth' are the same weights of vggish: use one of them" in message


def test_models_get_the_settings_that_mean_something_for_them():
    entries = [
        {"id": "vggish", "weights": "seeded"},
        {"id": "clap", "weights": "seeded"},
        {"id": "clap", "weights": "seeded", "name": "middle", "crop": "center"},
        {"id": "clap", "weights": "seeded", "name": "all", "crop": "windows", "hop_seconds": 5},
    ]
    models = interpret_config(config(models=entries)).models
    assert [model.specification for model in models.values()] == [
        "vggish=vggish",
        "clap-630k-audioset=clap-630k-audioset seed=3",
        "middle=clap-630k-audioset crop=center",
        "all=clap-630k-audioset crop=windows hop_seconds=5.0",
    ]
    given = config(compatibility="frechet-audio-distance", memory_gb=2, device="cuda")
    model = interpret_config(given).models["vggish"]
    assert model.settings == "compatibility=frechet-audio-distance memory_gb=2.0 device=cuda"
    assert parse_settings(model.settings) == (model.options, model.backend)


def test_a_loudness_is_that_of_the_study_or_of_an_entry():
    entries = [
        {"id": "vggish", "weights": "seeded"},
        {"id": "vggish", "weights": "seeded", "name": "quiet", "loudness": -23.5},
        {"id": "vggish", "weights": "seeded", "name": "as-it-is", "loudness": "none"},
    ]
    models = interpret_config(config(models=entries, loudness=-14)).models
    assert [each.specification for each in models.values()] == [
        "vggish=vggish loudness=-14.0",
        "quiet=vggish loudness=-23.5",
        "as-it-is=vggish",
    ]
    assert parse_settings(models["vggish"].settings)[0] == Options(loudness=-14)
    (fault,) = errors(config(models=entries[:1], loudness=-14, compatibility="fadtk"))
    assert fault == (
        "models: loudness cannot be combined with compatibility=fadtk: that package does not change the "
        "loudness of sound"
    )


def test_windows_that_leave_out_sound_are_refused():
    windows = {"id": "msclap-2023", "weights": "seeded", "crop": "windows"}
    assert errors(config(models=[windows | {"hop_seconds": 5}])) == []
    (fault,) = errors(config(models=[windows]))
    assert "hop_seconds must be at most 7" in fault


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({"id": "vggish", "crop": "first"}, "models: vggish embeds whole files: it has no crop"),
        (
            {"id": "clap", "hop_seconds": 5},
            "models: clap: hop_seconds has no effect without `crop: windows`",
        ),
    ],
)
def test_settings_without_effect_are_refused(entry: dict[str, Any], fault: str):
    assert errors(config(models=[{"weights": "seeded", **entry}])) == [fault]


SCHEMA = Path(__file__).resolve().parents[3] / "workflow/schemas/config.schema.yaml"


def test_all_that_can_be_known_is_told_at_once(tmp_path: Path):
    (tmp_path / "a").mkdir()
    soundfile.write(tmp_path / "a" / "x.wav", [0.0, 0.0], 8000)
    given: dict[str, Any] = {
        "study": "s",
        "audio_root": str(tmp_path),
        "datasets": {"a": {"path": "a"}, "b": {"path": "lost"}, "c": {"path": 3}, "d": {"path": "unpaired"}},
        "pairs": [["a", "b"], ["c", "a"]],
        "models": [{"id": "vgish"}, {"id": "vggish", "weights": "no.pth"}, {"weights": "seeded"}],
        "metrics": ["fid"],
        "threads": 100_000,
    }
    with pytest.raises(ConfigError) as raised:
        read_study(given, SCHEMA)
    found = [line.removeprefix("  - ") for line in str(raised.value).split("\n")[1:]]
    expected = [
        "datasets.c.path: 3 is not valid",
        "models.2: 'id' is missing",
        "threads: 100000 is greater than 256",
        "models: there is no model 'vgish'",
        "metrics: there is no metric 'fid'",
        "data set b: ",
        "weights of vggish: no.pth is neither",
    ]
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True)), found
    # Where paths start from is not known, or which sets are paired: none is said to be missing.
    for key, value in (("audio_root", 3), ("pairs", "some")):
        with pytest.raises(ConfigError) as raised:
            read_study(given | {key: value}, SCHEMA)
        assert "data set b" not in str(raised.value)


def test_a_metric_given_twice_hides_no_fault_of_another():
    given = {
        "study": "s",
        "datasets": {"a": {"path": "a"}},
        "models": [{"id": "vggish", "weights": "seeded"}],
    }
    metrics = ["fad", {"id": "kad", "bandwith": 3}, "fad"]
    with pytest.raises(ConfigError) as raised:
        read_study(given | {"metrics": metrics}, SCHEMA)
    for fault in (
        "metrics: fad is given twice",
        "metrics: kad: there is no setting 'bandwith'; settings: level",
    ):
        assert fault in str(raised.value)


def test_a_study_without_faults_is_read(tmp_path: Path):
    for name in "ab":
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "x.wav", [0.0, 0.0], 8000)
    given = {
        "study": "s",
        "datasets": {name: {"path": str(tmp_path / name)} for name in "ab"},
        "models": [{"id": "vggish", "weights": "seeded"}],
    }
    study = read_study(given, SCHEMA)
    assert (study.name, study.pairs, list(study.models)) == ("s", (("a", "b"),), ["vggish"])


def test_captions_need_a_metric_a_model_and_files(tmp_path: Path) -> None:
    clap = [{"id": "clap", "weights": "seeded"}]
    captioned = {"a": {"path": "audio/a", "captions": "a.csv", "shards": 1}}
    given = config(datasets=captioned, models=clap, metrics=["clap-score"], audio_root=str(tmp_path))
    assert errors(given) == []
    study = interpret_config(given)
    assert (study.captions, study.metrics) == ({"a": tmp_path / "a.csv"}, [])
    assert study.captioning() == {"clap-630k-audioset": "clap-630k-audioset-text"}
    assert study.embedded() == ["a"]
    assert errors(config(datasets=captioned | {"b": {"path": "b"}}, models=clap)) == [
        "data set a: captions has no effect without the metric clap-score"
    ]
    assert errors(config(models=clap, metrics=["fad", "clap-score"])) == [
        "metrics: clap-score needs a data set with `captions`"
    ]
    own = config(
        datasets=captioned, models=[{"id": "vggish", "metrics": ["clap-score"]}, clap[0]], metrics=["fad"]
    )
    (error,) = (error for error in errors(own) if "vggish" in error)
    assert "vggish embeds no captions, which clap-score needs; models that do: clap-630k-audioset, " in error
    two = captioned | {"b": {"path": "b", "shards": 1}}
    own = config(
        datasets=two, models=[{"id": "vggish"}, clap[0] | {"metrics": ["clap-score"]}], metrics=["fad"]
    )
    assert errors(own) == [] and list(interpret_config(own).captioning()) == ["clap-630k-audioset"]
    other = config(datasets=captioned, metrics=["clap-score"])
    assert errors(other) == ["metrics: clap-score needs a model that embeds captions, such as clap"]
    mixed = config(datasets=two, models=[{"id": "vggish"}, clap[0]], metrics=["clap-score"])
    (error,) = errors(mixed)
    assert error.startswith("models: vggish embeds no captions, which clap-score needs; models that do: clap")
    alone = config(datasets=two, models=clap, metrics=["clap-score"], reference="b", repeats={"g": ["a"]})
    assert errors(alone) == ["repeats: no metric of two data sets is computed"]
    assert (interpret_config(alone).ranked, interpret_config(alone).systems) == ((), {})
    three = two | {"c": {"path": "c", "shards": 1}}
    drawn = config(datasets=three, models=clap, metrics=["fad", "clap-score"], reference="c")
    assert errors(drawn | {"repeats": {"g": ["a", "b"]}}) == [
        "repeats.g: 1 of its 2 data sets have captions; all of them must have captions or none"
    ]
    assert not errors(drawn | {"repeats": {"g": ["a"], "h": ["b"]}})
    windows = config(datasets=captioned, models=[clap[0] | {"crop": "windows"}], metrics=["clap-score"])
    (fault,) = errors(windows)
    assert fault.startswith("models: clap: a file is compared with its caption by one vector")
    (tmp_path / "audio/a").mkdir(parents=True)
    soundfile.write(tmp_path / "audio/a/x.wav", [0.0, 0.0], 8000)
    (tmp_path / "a.csv").write_text("file,caption\ny,a dog\n")
    (fault,) = validate_files(study)
    assert fault.startswith("data set a: ") and "of several: y" in fault
