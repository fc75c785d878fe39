"""The runs of this user: those in the folder for runs, and those that were kept elsewhere."""

import json
from pathlib import Path

from napari_tumor_synth.files import write_json
from napari_tumor_synth.folders import user_runs_folder
from napari_tumor_synth.training.runs.record import is_run
from napari_tumor_synth.training.runs.status import RunSummary, find_runs, summary_of

_ELSEWHERE = "elsewhere.json"


def known_runs() -> list[RunSummary]:
    """Return all runs that are there, what was written last first; loads nothing heavy."""
    root = user_runs_folder()
    found = {run.folder.absolute(): run for run in find_runs(root)}
    for folder in _elsewhere(root):
        if folder.absolute() not in found and is_run(folder):
            found[folder.absolute()] = summary_of(folder)
    return sorted(found.values(), key=lambda run: run.status.updated, reverse=True)


def remember_run(folder: Path) -> None:
    """Have a run, or a folder of runs, listed from now on; nothing happens to it.

    Raises
    ------
    TrainingError
        There is no run in it.
    OutputError
        The folder of the user's runs cannot be written.
    """
    found = [run.folder.absolute() for run in find_runs(folder)]
    if not found:
        summary_of(folder)  # says so
    root = user_runs_folder()
    new = [run for run in found if run.parent != root.absolute()]
    before = _elsewhere(root)
    if not set(new) <= set(before):
        kept = dict.fromkeys([*new, *(run for run in before if is_run(run))])
        write_json(root / _ELSEWHERE, [str(run) for run in kept])


def _elsewhere(root: Path) -> list[Path]:
    try:
        return [Path(name) for name in json.loads((root / _ELSEWHERE).read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return []  # none yet, or damaged: it is only a convenience
