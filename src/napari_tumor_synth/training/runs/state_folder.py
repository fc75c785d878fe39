"""The last states of each stage of a run, newest first to be gone back to."""

import re
from pathlib import Path
from typing import Any

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.training.runs.state_file import read_state, write_state

_STATE_NAME = re.compile(r"^(?P<stage>[a-z-]+)-(?P<step>\d{9,})\.safetensors$")
_DAMAGED = ".damaged"


class StateFolder:
    """States as ``<stage>-<step>.safetensors``.

    Parameters
    ----------
    folder : Path
    kept : int
        States of a stage; older ones are removed after a newer one is whole.
    """

    def __init__(self, folder: Path, kept: int) -> None:
        self.folder, self.kept = folder, kept

    def steps(self, stage: str) -> dict[int, Path]:
        """Return the states of a stage by step, in order."""
        matches = [(path, _STATE_NAME.match(path.name)) for path in self.folder.glob("*")]
        found = {int(m["step"]): path for path, m in matches if m and m["stage"] == stage}
        return dict(sorted(found.items()))

    def save(self, stage: str, step: int, state: Any) -> None:
        """Keep a state, and forget the oldest and what was damaged.

        Raises
        ------
        OutputError
            It cannot be written; the states before remain.
        """
        write_state(state, self.folder / f"{stage}-{step:09d}.safetensors")
        old = list(self.steps(stage).values())[: -self.kept]
        rest = [*self.folder.glob(f"*{_DAMAGED}"), *self.folder.glob(".writing-*")]
        for path in (*old, *rest):
            path.unlink(missing_ok=True)

    def latest(self, stage: str, *, set_aside: bool = False) -> tuple[int, Any] | None:
        """Return step and state of the newest that can be read, or None where there is none.

        Parameters
        ----------
        stage : str
        set_aside : bool
            Rename newer ones that cannot be read: they must not count among those that are kept.

        Raises
        ------
        TrainingError
            There are some, but none can be read.
        """
        damaged: list[Path] = []
        problem: TrainingError | None = None
        for step, path in reversed(self.steps(stage).items()):
            try:
                state = read_state(path)
            except TrainingError as error:
                damaged.append(path)
                problem = error
                continue
            for newer in damaged if set_aside else ():
                newer.rename(newer.with_suffix(_DAMAGED))
            return step, state
        if problem is not None:
            raise problem
        return None
