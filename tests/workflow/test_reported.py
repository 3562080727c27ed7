"""What a finished study says of itself: its configuration makes it again, and its verdicts hold."""

from __future__ import annotations

import html
import re
import shutil

from snakemake_runs import WorkingFolder

DISTANCES = "results/study/tables/distances.csv"


def test_the_reports_configuration_gives_the_same_distances(done: WorkingFolder) -> None:
    """Its data sets are not in the alphabet's order, and with `pairs: all` the first one is the reference."""
    done.write_study(datasets={"b": {"path": "audio/b"}, "a": {"path": "audio/a", "shards": 3}})
    assert "embed_files" not in done.complete().rules
    assert not done.plan().jobs
    distances = done.root / DISTANCES
    before = distances.read_bytes()
    assert ",b,a,fad," in before.decode()
    page = (done.root / "results/study/report.html").read_text(encoding="utf-8")
    told = re.search(r"<pre>(study: .*?)</pre>", page, re.DOTALL)
    assert told is not None
    (done.root / "study.yaml").write_text(html.unescape(told[1]), encoding="utf-8")
    assert not done.plan().jobs
    shutil.rmtree(distances.parent)
    done.complete(DISTANCES)
    assert distances.read_bytes() == before


def test_a_verdict_that_fails_after_embedding_stops_the_tables(done: WorkingFolder) -> None:
    verdict = done.root / "results/verification/small.golden.csv"
    text = verdict.read_text()
    verdict.write_text(text.replace(",passed,", ",failed,", 1))
    run = done.run(DISTANCES)
    assert run.status == 1 and "collect_distances" not in run.rules
    assert f"{verdict.relative_to(done.root)}: the verification of small failed at level golden, " in run.text
    verdict.write_text(text)
    assert "collect_distances" in done.complete(DISTANCES).rules
