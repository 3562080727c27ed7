"""Captions that a tokenizer may treat in its own way."""

CAPTIONS = (
    "",
    "a",
    "the dog and the piano",
    "A dog barks; rain falls on the roof, and somebody isn't amused!",
    " two  spaces   and\ta tab ",
    "café, naïve, Ünïcødé, 犬が吠える, 🎹🎶",
    "42 dB at 1,000 Hz (±0.5 %)",
    "<mask> a mark </s> and  <mask> another <s><pad><unk>",
    "x" * 75,
    "the rain on the piano " * 12,
)

OF_FAMILY = {
    # An exclamation mark is padding for MS-CLAP, which does not cut captions.
    "msclap": (
        "!",
        "wow!! A dog! ! Rain !",
        "the end <|endoftext|> of the rain<|endoftext|> ",
        "the dog and the rain " * 40,
    ),
}
"""More captions for the models of a family."""


def captions_for(family: str) -> tuple[str, ...]:
    """Return the captions for the models of a family."""
    return CAPTIONS + OF_FAMILY.get(family, ())
