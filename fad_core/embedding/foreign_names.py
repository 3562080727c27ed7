"""Model names of other packages, and the model of this package with the same network and checkpoint.

Taken from the `model_loader.py` of fadtk (https://github.com/microsoft/fadtk) and of kadtk
(https://github.com/YoonjinXD/kadtk), whose files of statistics have these names and look alike. The networks
and checkpoints are the same ones; how sound is prepared is not, so that equal names never make equal sets:
`fad_core.api.comparability` treats one as the other only on request, and says what differs.
"""

from __future__ import annotations

from collections.abc import Mapping

from fad_core.models.fadtk_conventions import FADTK_NAMES

_ROUNDED = "16-bit audio, embeddings rounded to float16"
_WINDOWS = f"fadtk and kadtk ({_ROUNDED}, windows of 10 s starting every second)"
_RESAMPLED = "fadtk and kadtk (resampled with a wider band, embeddings rounded to float16)"


_OF_FADTK = {
    "vggish": f"fadtk and kadtk ({_ROUNDED}, files shorter than 1 s padded by fadtk)",
    "encodec-24k": "fadtk and kadtk (files cut at 3 minutes, embeddings rounded to float16)",
    "encodec-48k": (
        "fadtk and kadtk (files cut at 3 minutes, embeddings rounded to float16 and averaged over time by "
        "kadtk)"
    ),
    "clap-630k-audioset": _WINDOWS,
    "clap-music-audioset": _WINDOWS,
    "msclap-2023": f"fadtk and kadtk ({_ROUNDED}, windows of 7 s starting every second)",
    "cdpam-acoustic": _RESAMPLED,
    "cdpam-content": _RESAMPLED,
}

FOREIGN_NAMES: Mapping[str, tuple[str, str]] = {
    **{name: (model, _OF_FADTK[model]) for model, name in FADTK_NAMES.items()},
    # Cnn14_mAP=0.431.pth and Cnn14_16k_mAP=0.438.pth.
    "panns-cnn14-32k": ("pann-32k", f"kadtk ({_ROUNDED})"),
    "panns-cnn14-16k": ("pann-16k", f"kadtk ({_ROUNDED})"),
    "panns-wavegram-logmel": ("pann-wavegram-logmel", f"kadtk ({_ROUNDED})"),
    "passt-base-10s": ("passt-10s-all", f"kadtk (the first 10 s of a file, {_ROUNDED})"),
}
"""By a name of another package: the id in this package of the same network with the same checkpoint, and the
packages that use the name, with what they do that this one does not."""


def id_of(name: str) -> str:
    """Return the model id for another package's name, or the name itself if it is not known."""
    return FOREIGN_NAMES.get(name, (name, ""))[0]
