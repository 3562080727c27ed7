#!/usr/bin/env python3
"""Run `snakemake --lint` and let pass nothing but the exceptions listed here, each with its reason.

The demo study is what it is run on; its audio is made if need be. `make lint` calls this.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# (rule or file, beginning of what Snakemake says of it) → why it is left as it is.
EXCEPTIONS: dict[tuple[str, str], str] = {}

_SUBJECT = re.compile(r"Lints for (?:rule (?P<rule>\S+) \(.*\)|snakefile (?P<file>.+)):")
_LINT = re.compile(r" {4}\* (?P<title>.+):")


def lints(text: str) -> list[tuple[str, str]]:
    """(rule or file, title) of everything that Snakemake's linter complains of.

    Args:
        text: what `snakemake --lint` printed.
    """
    found = []
    subject = ""
    for line in text.splitlines():
        if heading := _SUBJECT.fullmatch(line):
            subject = heading["rule"] or Path(heading["file"]).name
        elif title := _LINT.fullmatch(line):
            found.append((subject, title["title"]))
    return found


def unexpected(found: list[tuple[str, str]]) -> list[str]:
    """What is wrong, in words: lints that are no exception, and exceptions that are no lint any more."""
    matching = {
        lint: {known for known in EXCEPTIONS if lint[0] == known[0] and lint[1].startswith(known[1])}
        for lint in found
    }
    faults = [f"{subject}: {title}" for (subject, title), known in matching.items() if not known]
    outdated = set(EXCEPTIONS).difference(*matching.values())
    return faults + [
        f"{subject}: {title}: an exception without a lint" for subject, title in sorted(outdated)
    ]


def main() -> int:
    """Print what is unexpected; the exit status is 1 if anything is."""
    subprocess.run(
        [sys.executable, "scripts/make_demo_audio.py"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--configfile", "workflow/studies/demo.yaml", "--lint"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    text = done.stdout + done.stderr
    found = lints(text)
    # Snakemake exits with 1 for a lint, and for an error too.
    if (done.returncode != 0) != bool(found):
        print(text, file=sys.stderr)
        return 1
    faults = unexpected(found)
    print("\n".join(faults) or f"snakemake --lint: {len(found)} lints, all of them listed exceptions")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
