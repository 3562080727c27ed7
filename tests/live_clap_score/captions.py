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
