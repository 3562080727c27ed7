"""A configuration is checked whole: every fault in one message, in words that a user of YAML knows."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from fad_study.config import examine_config, read_yaml, require_no_errors

from fad_core.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
STUDIES = [ROOT / "config.yaml", *sorted((ROOT / "workflow/studies").glob("*.yaml"))]
FILLED = {"assume_same_model": False, "shards": 1}
BASE = {
    "study": "s",
    "datasets": {"a": {"path": "x"}, "b": {"path": ["y", "z"]}},
    "models": [{"id": "vggish"}],
}


def faults(config: Any) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        require_no_errors(examine_config(config, SCHEMA).errors)
    head, *lines = str(raised.value).split("\n")
    assert head == "the configuration cannot be used:"
    assert all(line.startswith("  - ") for line in lines)
    return [line.removeprefix("  - ") for line in lines]


def completed(config: Any) -> dict[str, Any]:
    examined = examine_config(config, SCHEMA)
    assert not examined.errors and not examined.damaged
    return examined.config


def model(**entry: Any) -> list[dict[str, Any]]:
    return [{"id": "vggish", **entry}]


def dataset(**entry: Any) -> dict[str, Any]:
    return {"a": {"path": "x", **entry}}


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_studies_that_are_shipped_are_valid(path: Path):
    given = read_yaml(path)
    filled = completed(given)
    nested = {key: value for key, value in given.items() if isinstance(value, dict | list)}
    assert given.items() <= {**filled, **nested}.items()


def test_defaults_are_filled_in_and_the_rest_is_kept():
    assert completed(BASE) == {
        "study": "s",
        "seed": 0,
        "datasets": {"a": {"path": "x", **FILLED}, "b": {"path": ["y", "z"], **FILLED}},
        "pairs": "all",
        "ranking": True,
        "per_file": [],
        "near_copies": False,
        "players_mb": 5,
        "models": [{"id": "vggish", "crop": "random", "hop_seconds": 10}],
        "weights": "official",
        "compatibility": "none",
        "memory_gb": 16,
        "device": "cpu",
        "isa": "native",
        "mixed_numerics": "refuse",
        "runner": "fast",
        "on_bad_file": "fail",
        "on_short_file": "fail",
        "on_duplicate": "note",
        "max_peak": 100,
        "leftovers": "ignore",
        "threads": 1,
        "batch_mb": 64,
        "embedding_cache": True,
        "embedding_cache_gb": 20,
        "metrics": ["fad"],
    }
    chosen = {
        "seed": 7,
        "audio_root": "~/audio",
        "datasets": {"a": {"path": "x", "assume_same_model": True, "shards": 5}},
        "pairs": [["a", "b"]],
        "ranking": False,
        "per_file": ["fad"],
        "near_copies": True,
        "players_mb": 0.5,
        "models": model(
            weights="w.pth", name="ours", crop="first", hop_seconds=2.5, compatibility="none", loudness=-23
        ),
        "weights": "seeded",
        "compatibility": "frechet-audio-distance",
        "loudness": -14,
        "memory_gb": 2.5,
        "device": "cuda",
        "isa": "avx2",
        "mixed_numerics": "allow",
        "runner": "plain",
        "ckpt_dir": "ckpt",
        "on_bad_file": "skip",
        "on_short_file": "pad",
        "on_duplicate": "drop",
        "max_peak": 2.5,
        "leftovers": "use",
        "threads": 4,
        "batch_mb": 1.5,
        "embedding_cache": False,
        "embedding_cache_gb": 0,
        "metrics": ["fad"],
    }
    assert completed(BASE | chosen) == BASE | chosen
    assert "shards" not in BASE["datasets"]["a"], "what was given is left as it is"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"dataset": {}}, "unknown key 'dataset'; did you mean 'datasets'?"),
        ({"zzz": 1}, "unknown key 'zzz'; known keys: study, seed, audio_root, "),
        ({3: 1}, "unknown key '3'; known keys: "),
        ({"datasets": dataset(shard=2)}, "datasets.a: unknown key 'shard'; did you mean 'shards'?"),
        ({"models": model(weigths="seeded")}, "models.0: unknown key 'weigths'; did you mean 'weights'?"),
    ],
)
def test_an_unknown_key_is_refused_by_name_at_every_level(changes: Mapping[Any, Any], fault: str):
    (found,) = faults(BASE | changes)
    assert found.startswith(fault)


NAME = "must consist of letters, digits, '.', '_' and '-', and start with a letter or digit"
TEXT = "is not text (numbers, yes and no are text in quotes)"
GROUP = "is not a group of `key: value`"
PATH = (
    'expected: A folder (read recursively), a glob such as "audio/a/**/*.flac", a list of files, '
    '"@clips.txt", a file that lists them (.txt, .csv, .tsv, .jsonl, .scp), or a file of statistics or '
    "embeddings (.npz, .parquet) as `fad stats`, `fad embed`, studies and other packages write it, in place "
    "of the audio; {model} in it stands for the name of the model. fma_pop stands for the statistics of "
    "FMA-Pop that fadtk publishes, which are downloaded once."
)
PAIRS = "expected: Which sets are compared: all, or a list of [reference, evaluation]."


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"study": 2024}, f"study: 2024 {TEXT}"),
        ({"study": None}, "study: has no value"),
        ({"study": "a b"}, f"study: the name 'a b' {NAME}"),
        ({"study": "../x"}, f"study: the name '../x' {NAME}"),
        ({"study": "x\n"}, f"study: the name 'x\\n' {NAME}"),
        ({"study": "x" * 101}, f"study: '{'x' * 101}' is longer than 100 characters"),
        ({"study": "models"}, "study: 'models' is a reserved name; choose another one"),
        ({"seed": -1}, "seed: -1 is less than 0"),
        ({"seed": 1.5}, "seed: 1.5 is not a whole number"),
        ({"seed": True}, "seed: True is not a whole number"),
        ({"audio_root": ["x"]}, f"audio_root: ['x'] {TEXT}"),
        ({"datasets": ["x"]}, f"datasets: ['x'] {GROUP}"),
        ({"datasets": {}}, "datasets: is empty"),
        ({"datasets": {"a b": {"path": "x"}}}, f"datasets: the name 'a b' {NAME}"),
        ({"datasets": {2024: {"path": "x"}}}, f"datasets: 2024 {TEXT}"),
        ({"datasets": {"a": None}}, "datasets.a: has no value"),
        ({"datasets": {"a": {}}}, "datasets.a: 'path' is missing"),
        ({"datasets": dataset(path=3)}, f"datasets.a.path: 3 is not valid; {PATH}"),
        ({"datasets": dataset(path=[])}, f"datasets.a.path: [] is not valid; {PATH}"),
        ({"datasets": dataset(path=["x", ""])}, f"datasets.a.path: ['x', ''] is not valid; {PATH}"),
        ({"datasets": dataset(shards=0)}, "datasets.a.shards: 0 is less than 1"),
        ({"datasets": dataset(shards="4")}, "datasets.a.shards: '4' is not a whole number"),
        ({"datasets": dataset(shards=10**6)}, "datasets.a.shards: 1000000 is greater than 100000"),
        ({"pairs": "some"}, f"pairs: 'some' is not valid; {PAIRS}"),
        ({"pairs": [["a"]]}, f"pairs: [['a']] is not valid; {PAIRS}"),
        ({"models": []}, "models: is an empty list"),
        ({"models": "vggish"}, "models: 'vggish' is not a list"),
        ({"models": ["vggish"]}, f"models.0: 'vggish' {GROUP}"),
        ({"models": [{}]}, "models.0: 'id' is missing"),
        ({"models": model(id=3)}, f"models.0.id: 3 {TEXT}"),
        ({"models": model(weights="")}, "models.0.weights: is empty"),
        ({"models": model(name="a/b")}, f"models.0.name: the name 'a/b' {NAME}"),
        ({"ckpt_dir": ""}, "ckpt_dir: is empty"),
        ({"on_bad_file": "pad"}, "on_bad_file: 'pad' is not one of fail, skip"),
        ({"on_short_file": False}, "on_short_file: False is not one of fail, skip, pad"),
        ({"runner": "compiled"}, "runner: 'compiled' was removed; use fast or plain"),
        ({"runner": ["fast"]}, "runner: ['fast'] is not one of fast, plain"),
        ({"threads": 0}, "threads: 0 is less than 1"),
        ({"memory_gb": math.nan}, "memory_gb: nan is not a finite number"),
        ({"memory_gb": math.inf}, "memory_gb: inf is not a finite number"),
        ({"memory_gb": -math.inf}, "memory_gb: -inf is not a finite number"),
        ({"memory_gb": True}, "memory_gb: True is not a finite number"),
        ({"memory_gb": "16"}, "memory_gb: '16' is not a finite number"),
        ({"memory_gb": 0}, "memory_gb: 0 is less than 0.1"),
        ({"loudness": 3}, "loudness: 3 is greater than 0"),
        ({"loudness": None}, "loudness: has no value"),
        ({"memory_gb": -1}, "memory_gb: -1 is less than 0.1"),
        ({"models": model(hop_seconds=math.nan)}, "models.0.hop_seconds: nan is not a finite number"),
        ({"metrics": "fad"}, "metrics: 'fad' is not a list"),
        ({"metrics": []}, "metrics: is an empty list"),
        ({"metrics": ["fad", "fad"]}, "metrics: fad is given twice"),
    ],
    ids=str,
)
def test_every_wrong_value_has_its_place_and_a_reason(changes: Mapping[str, Any], fault: str):
    assert faults(BASE | changes) == [fault]


def test_all_faults_are_told_at_once():
    wrong = {"study": "s", "models": model(weight="x"), "threads": 0, "sed": 1}
    assert faults(wrong) == [
        "'datasets', or 'correlations' must be given",
        "'models' requires 'datasets'",
        "models.0: unknown key 'weight'; did you mean 'weights'?",
        "threads: 0 is less than 1",
        "unknown key 'sed'; did you mean 'seed'?",
    ]
    assert faults({}) == [
        "'datasets' and 'models', or 'correlations' must be given",
        "'study' is missing",
    ]


def test_a_study_of_given_tables_needs_no_data_sets_and_half_of_the_others_is_told():
    given = {"study": "s", "correlations": {"ratings": "mos.csv", "distances": "fad.csv"}}
    filled = completed(given)["correlations"]
    assert filled == given["correlations"] | {"tolerance": 0.005, "resamples": 10000, "confidence": 0.95}
    assert faults({"study": "s", "datasets": dataset()}) == [
        "'datasets' requires 'models'",
        "'models', or 'correlations' must be given",
    ]
    assert faults(given | {"repeats": {"a": "a_*"}}) == ["'repeats' requires 'datasets'"]
    assert faults(given | {"correlations": {}}) == ["correlations: 'ratings' is missing"]


@pytest.mark.parametrize(
    ("config", "fault"), [(None, "has no value"), ([], f"[] {GROUP}"), ("x", f"'x' {GROUP}")]
)
def test_what_is_no_configuration_at_all_is_told(config: Any, fault: str):
    assert faults(config) == [fault]


def bomb(use: str, level: str = "[{}]") -> str:
    """Aliases that expand to 9⁹ values, or more."""
    lines = ["k: &a0 [x, x, x, x, x, x, x, x, x]"]
    for i in range(12):
        items = ", ".join([f"*a{i}"] * 9)
        value = level.format(items) if "{i}" not in level else level.format(i=i)
        lines.append(f"k{i}: &a{i + 1} {value}")
    return "\n".join([*lines, use])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 2\n  c: 3\n", r"c\.yaml, line 4: 'c' is given twice"),
        ("a: 1\nb: 2\na: 3\n", r"c\.yaml, line 3: 'a' is given twice"),
        ("a: [1, {b: 1, b: 1}]", "'b' is given twice"),
        ("a: [1", r"c\.yaml is not valid YAML: while parsing"),
        ("? [a]\n: b\n", r"c\.yaml is not valid YAML: .*unhashable key"),
        ("a: !!python/object/apply:os.system [x]", r"c\.yaml is not valid YAML: could not determine a cons"),
        ("study: &a [*a]", r"an alias \(\*name\) contains itself.*line 1"),
        ("a: &a {b: {c: *a}}", "contains itself"),
        ("study: " + "[" * 5000 + "]" * 5000, "values nested more than 50 deep"),
        ("a: &a [x, *b]", "undefined alias"),
        (bomb("study: *a8"), "expand to more than 1000000 characters"),
        (bomb("? *a8\n: 1"), "expand to more than 1000000 characters"),
        (
            bomb("b: {<<: *a8}", "{{k{i}: *a{i}, l: *a{i}, m: *a{i}, n: *a{i}, o: *a{i}}}"),
            "expand to more than",
        ),
        ("a: {path: @x.txt}", r"c\.yaml is not valid YAML: .*: write a text that begins with @ in quotes"),
        ("a: 2024-13-45", r"c\.yaml is not valid YAML: month"),
        ("a: \xe9".encode("latin-1"), r"c\.yaml is not valid YAML: .*decode"),
    ],
)
def test_what_is_no_good_yaml_is_told_with_its_place(text: str | bytes, message: str, tmp_path: Path):
    path = tmp_path / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    began = time.process_time()
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        read_yaml(path)
    assert time.process_time() - began < 2


def test_a_data_set_can_be_its_path_alone():
    given = BASE | {"datasets": {"a": "x", "b": ["y", "z"], "c": {"path": "@c.txt", "label": "C"}}}
    assert completed(given)["datasets"] == {
        "a": {"path": "x", **FILLED},
        "b": {"path": ["y", "z"], **FILLED},
        "c": {"path": "@c.txt", "label": "C", **FILLED},
    }
    assert given["datasets"]["a"] == "x"
    (fault,) = faults(BASE | {"datasets": {"a": ""}})
    assert fault.startswith("datasets.a.path: '' is not valid")
    (fault,) = faults(BASE | {"datasets": {"a": 3}})
    assert fault.startswith("datasets.a: 3 is not a group of `key: value`")


def test_pairs_and_a_reference_exclude_each_other():
    given = BASE | {"pairs": "all", "reference": "a"}
    assert faults(given) == ["'pairs' and 'reference' exclude each other: give one of them"]
    assert faults({"study": "s", "correlations": {"ratings": "x"}, "reference": "a"}) == [
        "'reference' requires 'datasets'"
    ]


def test_aliases_and_long_lists_are_no_bombs(tmp_path: Path):
    path = tmp_path / "c.yaml"
    path.write_text("a: &a [1, 2]\nb: [*a, *a]\nc: [" + ", ".join(["x"] * 20_000) + "]\n")
    assert read_yaml(path)["b"] == [[1, 2], [1, 2]]


def test_a_faulty_value_is_shown_in_part():
    (fault,) = faults(BASE | {"study": ["x" * 100] * 1000})
    assert fault.startswith("study: ['xxx") and len(fault) < 400


def test_what_is_at_fault_is_left_out_of_what_is_examined_further():
    given = BASE | {"datasets": {"a": {"path": 3}, "b": {"path": "y", "shard": 1}}, "threads": 1000, "x": 1}
    examined = examine_config(given | {"models": [*model(weights=""), *model()]}, SCHEMA)
    assert len(examined.errors) == 5
    assert examined.config["datasets"] == {"b": {"path": "y", **FILLED}}
    assert [entry["id"] for entry in examined.config["models"]] == ["vggish"]
    assert (examined.config["threads"], "x" in examined.config) == (1, False)
    assert examined.damaged == {"datasets", "models", "threads"}


def test_yaml_that_is_good(tmp_path: Path):
    (tmp_path / "c.yaml").write_text("base: &b {x: 1, y: é}\nmore: {<<: *b, x: 2}\n", encoding="utf-8")
    assert read_yaml(tmp_path / "c.yaml") == {"base": {"x": 1, "y": "é"}, "more": {"x": 2, "y": "é"}}


def test_a_missing_file_is_told(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        read_yaml(tmp_path / "none.yaml")


def properties(schema: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Every key that a configuration can have: its place, its schema, whether it must be there."""
    for name, described in schema.get("properties", {}).items():
        yield f"{place}{name}", described, name in schema.get("required", ())
        yield from properties(described, f"{place}{name}.")
        yield from properties(described.get("items", {}), f"{place}{name}.")
        others = described.get("additionalProperties")
        yield from properties(others if isinstance(others, dict) else {}, f"{place}{name}.*.")


def objects(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def test_the_schema_describes_every_key_and_says_what_stands_for_a_missing_one():
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    keys = list(properties(schema))
    assert len(keys) > 14
    for place, described, required in keys:
        assert len(described["description"]) > 10, place
        told = any(words in described["description"] for words in ("if not given", "by default", "only if"))
        assert required or "default" in described or told, place
    # A name that the schema does not list is refused, or is one of the user's own.
    for part in objects(schema):
        assert part["additionalProperties"] is False or part["propertyNames"]["pattern"]
