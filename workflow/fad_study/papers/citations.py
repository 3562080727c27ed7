r"""Citations in text, as `[@key]`, and the entries that are cited, from references.bib beside this file.

There, the keywords of an entry name what it is of: metrics and families of models by their names, and others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

_ENTRY = re.compile(r"^@\w+\{(\w+),\n  keywords = \{(.*?)\},\n(?:.*?\n)?\}\n", re.MULTILINE | re.DOTALL)
_KEYWORDS = re.compile(r"^  keywords = .*\n", re.MULTILINE)
_CITATION = re.compile(r"( \[@\w+(?:; @\w+)*\])")
_KEY = re.compile(r"@(\w+)")


@cache
def _entries() -> dict[str, tuple[list[str], str]]:
    """Return what each entry is of, and its text, by its key."""
    text = (Path(__file__).parent / "references.bib").read_text(encoding="utf-8")
    return {match[1]: (match[2].split(", "), _KEYWORDS.sub("", match[0])) for match in _ENTRY.finditer(text)}


def cite(*names: str) -> str:
    """Return citations to put behind a word; "" for what has none.

    Args:
        names: of metrics, of families of models, or other keywords in references.bib.

    Examples:
        >>> from fad_study.papers.citations import cite
        >>> cite("vggish", "a network of one's own")
        ' [@hershey2017]'
    """
    keys = [key for key, (of, _) in _entries().items() if not set(of).isdisjoint(names)]
    return f" [{'; '.join(f'@{key}' for key in keys)}]" if keys else ""


def with_citations(text: str, escape: Callable[[str], str], latex: bool) -> str:
    r"""Return text with everything but its citations escaped.

    Args:
        text: plain text with citations.
        escape: replaces special characters.
        latex: whether citations are written as `\cite`.
    """
    parts = _CITATION.split(text)
    for index, part in enumerate(parts):
        if not index % 2:
            parts[index] = escape(part)
        elif latex:
            parts[index] = rf"~\cite{{{','.join(_KEY.findall(part))}}}"
    return "".join(parts)


def bibliography(text: str) -> str:
    """Return the BibTeX entries of what a text cites."""
    cited = {key for citation in _CITATION.findall(text) for key in _KEY.findall(citation)}
    return "\n".join(entry for key, (_, entry) in _entries().items() if key in cited)
