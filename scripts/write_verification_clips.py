"""Write the clips on which a model is held against the original package."""

from pathlib import Path

from fad_study.script_main import run


def main(model: str, clips: Path) -> None:
    """Write about 300 s of audio, the same on every machine, and clips.json, which tells what to do with it.

    Args:
        model: its id, e.g. vggish.
        clips: the folder to write.
    """
    from fad_study.steps.reference import write_clips

    from fad_core.models import get_model
    from fad_core.verification.live_clips import live_clips

    described = get_model(model)
    write_clips(live_clips(described), clips)


run(main, globals())
