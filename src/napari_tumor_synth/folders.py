"""Folders of this user's that the program keeps things in."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

CACHE_VARIABLE = "TUMOR_SYNTH_CACHE"
RUNS_VARIABLE = "TUMOR_SYNTH_RUNS"
_NAME = "napari-tumor-synth"


def user_models_folder() -> Path:
    """Return where the user's own catalogue is looked for."""
    return user_data_path(_NAME, appauthor=False) / "models"


def user_runs_folder() -> Path:
    """Return where trainings are kept that are given no folder.

    The environment variable ``TUMOR_SYNTH_RUNS`` names another one.
    """
    if named := os.environ.get(RUNS_VARIABLE, ""):
        return Path(named).expanduser()
    return user_data_path(_NAME, appauthor=False) / "runs"


def cache_folder(chosen: str | Path = "") -> Path:
    """Return where things are kept that can be made again.

    Parameters
    ----------
    chosen : path, optional
        What the user set; else the environment variable ``TUMOR_SYNTH_CACHE`` says, else the
        system's own place is taken.
    """
    named = chosen or os.environ.get(CACHE_VARIABLE, "")
    return Path(named).expanduser() if named else user_cache_path(_NAME, appauthor=False)
