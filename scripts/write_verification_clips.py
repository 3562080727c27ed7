"""Write the clips on which a model is compared with the original package."""

from pathlib import Path

from fad_study.script_main import run


def main(model: str, clips: Path) -> None:
    """Write about 300 s of audio, the same on every machine, and clips.json with how to process each clip.

    Args:
        model: id of the model.
        clips: the folder to write.
    """
    from fad_study.reference.cases import verification_set
    from fad_study.steps.reference import write_clips

    from fad_core.models import get_model

    described = get_model(model)
    write_clips(verification_set(described), clips)


run(main, globals())
