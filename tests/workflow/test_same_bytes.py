"""The same bytes whatever the cores, the shards and the folder that the run is started from."""

from __future__ import annotations

import csv
from pathlib import Path

from snakemake_runs import Workplace

TARGETS = [f"results/study/tables/{name}.csv" for name in ("distances", "files", "datasets")]


def test_one_core_from_another_folder(fresh: Workplace, finished: Workplace, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert fresh.run(cores=1, folder=elsewhere).status == 0
    assert fresh.results() == finished.results()
    assert not any(elsewhere.iterdir())


def test_shards_divide_the_work_and_change_no_result(fresh: Workplace, finished: Workplace) -> None:
    fresh.write_study(datasets={"a": {"path": "audio/a"}, "b": {"path": "audio/b"}})
    fresh.complete(*TARGETS)
    whole, divided = fresh.results(), finished.results()
    assert len([name for name in whole if name.startswith("embeddings/vggish/a")]) == 1
    assert len([name for name in divided if name.startswith("embeddings/vggish/a")]) == 3
    for name, content in whole.items():
        if name.split("/")[0] in ("statistics", "tables"):
            assert content == divided[name], name


def test_the_table_says_what_it_is(finished: Workplace) -> None:
    (row,) = csv.DictReader((finished.root / TARGETS[0]).read_text().splitlines())
    assert (row["model"], row["weights"], row["reference"], row["evaluation"]) == ("vggish", "seeded", "a", "b")
    assert float(row["value"]) > 0
    assert (row["n_reference"], row["files"], row["excluded"], row["padded"]) == ("4", "6", "0", "0")
    assert "not a published model" in row["note"]
