"""From a pickled state dict to a checkpoint, without losing a file."""

from pathlib import Path

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.training.vqgan.conversion import convert_state_dict
from napari_tumor_synth.workflows.outputs import require_not_input, require_replaceable


def convert_weights(
    weights: Path,
    recipe: Path,
    classes: tuple[str, ...],
    out: Path,
    *,
    licence: str,
    overwrite: bool = False,
) -> str:
    """Convert weights that the user trusts and return the checkpoint's SHA-256.

    Raises
    ------
    InputError, CheckpointError, TrainingError, OutputError
        As their names say; nothing is written then.
    """
    if out.suffix != ".safetensors":
        raise InputError(f"{out.name} is no name of a checkpoint.", "End it in .safetensors.")
    if not classes:
        raise InputError("No class is named.", "Name the classes in order, e.g. HGG,LGG.")
    require_not_input(out, [weights])
    require_replaceable(out, lambda _: False, overwrite=overwrite)
    return convert_state_dict(weights, recipe, classes, out, licence=licence)
