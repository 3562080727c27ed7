"""From a caption to the ids of its tokens: byte-level pairs, as GPT-2 and RoBERTa have them.

A vocabulary is two files: `vocab.json`, ids by tokens, and `merges.txt`, pairs of tokens that are one, the
most frequent first. The package `tokenizers` computes with them; it is needed for captions alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from fad_core.errors import DatasetError, FadError, WeightsError
from fad_core.models.base import Arrays
from fad_core.models.text_model import TokenizerConfig
from fad_core.util.formatting import one_line

_MASK = "<mask>"
_MINIMAL = (
    "Ġ a|t h|th e|Ġ the|i n|o n|Ġa n|Ġan d|e r|Ġ d|o g|Ġd og|p i|a n|pi an|pian o|Ġ piano|r a|ra in|Ã ©"
    "|Ġ !|! !"
)

Merges = Sequence[tuple[str, str]]


class Tokenizer:
    """Makes ids of captions."""

    def __init__(self, config: TokenizerConfig, vocabulary: Mapping[str, int], merges: Merges) -> None:
        """Take a vocabulary.

        Args:
            config: how captions are read.
            vocabulary: id of each token.
            merges: pairs of tokens that are one token, the first ones first.

        Raises:
            FadError: the package tokenizers is not installed.
            WeightsError: the vocabulary contradicts itself, or is not one of the model's.
        """
        require_tokenizers()
        from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

        faults = [
            f"{mark} is not {number}"
            for mark, number in config.marks.items()
            if vocabulary.get(mark) != number
        ]
        faults += [
            f"it lacks {letter}, which stands for a byte"
            for letter in _byte_letters()
            if letter not in vocabulary
        ][:1]
        if not all(0 <= number < config.words for number in vocabulary.values()):
            faults.append(f"an id is not below {config.words}")
        if faults:
            raise WeightsError(f"this is not the vocabulary of {config.files[0].folder}: {faults[0]}")
        try:
            model = models.BPE(dict(vocabulary), list(merges))
        except Exception as error:  # the package raises this alone
            raise WeightsError(f"the merges do not belong to the vocabulary: {error}") from error
        self._config = config
        self._tokenizer = Tokenizer(model)
        self._tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        # As the originals read it: a mark within a caption is the mark, and a mask takes the space before it.
        self._tokenizer.add_special_tokens(
            [AddedToken(mark, lstrip=mark == _MASK, normalized=False) for mark in config.marks]
        )
        if config.ends is not None:
            start, end = config.ends
            self._tokenizer.post_processor = processors.TemplateProcessing(
                single=f"{start} $A {end}", special_tokens=[(mark, vocabulary[mark]) for mark in config.ends]
            )
            self._tokenizer.enable_truncation(config.longest)

    def ids(self, caption: str) -> list[int]:
        """Return the ids of a caption, from its start to its end.

        Raises:
            DatasetError: the caption is too long.
        """
        found: list[int] = self._tokenizer.encode(caption + self._config.suffix).ids
        if len(found) > self._config.longest:
            raise DatasetError(
                f"a caption has {len(found)} tokens, but the model takes {self._config.longest} at most: "
                f"{one_line(caption)[:60]}…"
            )
        return found

    def features(self, caption: str) -> Arrays:
        """Return what the network takes of a caption: its ids, int64 `[1, L]`."""
        return (np.array([self.ids(caption)], np.int64),)


def require_tokenizers() -> None:
    """Require the package tokenizers.

    Raises:
        FadError: it is not installed.
    """
    if find_spec("tokenizers") is None:
        raise FadError(
            "captions need the package tokenizers, which is not installed: pip install 'fad-core[captions]'"
        )


def read_vocabulary(folder: Path) -> tuple[dict[str, int], Merges]:
    """Read a vocabulary: `vocab.json` and `merges.txt`.

    Args:
        folder: where the two files are.

    Raises:
        WeightsError: a file is missing or is not of a vocabulary.
    """
    paths = [folder / name for name in ("vocab.json", "merges.txt")]
    try:
        vocabulary, merges = (path.read_text(encoding="utf-8") for path in paths)
        ids = {str(token): int(number) for token, number in json.loads(vocabulary).items()}
        pairs = [line.split() for line in merges.splitlines()[1:] if line]
        return ids, [(first, second) for first, second in pairs]
    except OSError as error:
        raise WeightsError(f"cannot read the vocabulary {error.filename}: {error.strerror}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise WeightsError(f"{folder}: vocab.json and merges.txt are not those of a vocabulary") from error


def write_vocabulary(vocabulary: Mapping[str, int], merges: Merges, folder: Path) -> None:
    """Write a vocabulary as `read_vocabulary` and the original read it.

    Args:
        vocabulary: id of each token.
        merges: pairs of tokens that are one token.
        folder: where the two files are written; it is made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(dict(vocabulary)), encoding="utf-8")
    lines = "".join(f"{first} {second}\n" for first, second in merges)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{lines}", encoding="utf-8")


def minimal_vocabulary(config: TokenizerConfig) -> tuple[dict[str, int], Merges]:
    """Return a small vocabulary for trials with seeded weights: all bytes, a few words, ids from end to end.

    >>> from fad_core.models.clap.text import TOKENIZER
    >>> vocabulary, merges = minimal_vocabulary(TOKENIZER)
    >>> len(vocabulary), len(merges), max(vocabulary.values())
    (283, 22, 50264)
    """
    merges = [tuple(pair.split(" ")) for pair in _MINIMAL.split("|")]
    tokens = [*_byte_letters(), *map("".join, merges)]
    # 7919 and the number of ids have no common divisor, so none is given twice.
    spread = {token: 4 + 7919 * place % (config.words - 5) for place, token in enumerate(tokens, start=1)}
    return spread | dict(config.marks), [(first, second) for first, second in merges]


def _byte_letters() -> list[str]:
    """Return the letter that stands for each byte: itself where it can be seen, else one from U+0100 on."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in seen]
    letters = {byte: chr(byte) for byte in seen} | {byte: chr(256 + n) for n, byte in enumerate(hidden)}
    return [letters[byte] for byte in range(256)]
