"""What `tumor-synth train` was asked for: on what machine, and which run to go on with."""

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_tumor_synth.errors import TrainingError

if TYPE_CHECKING:
    from napari_tumor_synth.training.machine import MachineSettings


def machine_of(known: "MachineSettings | None", given: dict[str, Any]) -> "MachineSettings | None":
    """Return the machine settings of a run with what was given now; None where nothing is."""
    from napari_tumor_synth.training.machine import MachineSettings

    named = {name: value for name, value in given.items() if value is not None}
    assert named.keys() <= {field.name for field in fields(MachineSettings)}
    if not named:
        return known
    return replace(known or MachineSettings(), **named)


def run_to_resume(named: str | None, out: Path | None) -> tuple[Path, str | None]:
    """Return the folder of the run to go on with, and the recipe if one was named.

    Parameters
    ----------
    named : str, optional
        The verb's argument: a run's folder, or a recipe where `out` names the folder.
    out : Path, optional

    Raises
    ------
    TrainingError
        None was named, and no run of the user's own can be gone on with.
    """
    from napari_tumor_synth.folders import user_runs_folder
    from napari_tumor_synth.training.runs.status import find_runs, summary_of

    if out is not None:
        return out, None if named is not None and Path(named) == out else named
    if named is not None:
        return summary_of(Path(named)).folder, None
    root = user_runs_folder()
    for run in find_runs(root):
        if run.can_resume:
            return run.folder, None
    raise TrainingError(
        f"No run in {root} waits to be gone on with.",
        "Name the folder of a run, or start one: tumor-synth train RECIPE --data COHORT.",
    )
