"""Training in a process of its own, which outlives the one that starts it.

A crash of the training harms nothing here; the run is found again by its folder. Nothing of this
loads torch, so that a face may use it at once; starting waits for the child and belongs into a
thread.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import BinaryIO

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.files import writable_folder
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.recipes.setting_text import setting_text
from napari_tumor_synth.training.runs.lock import LOCK
from napari_tumor_synth.training.runs.status import STOP, is_running, read_status

CONSOLE = "console.txt"
_LOW_PRIORITY = 10
_POLL_S = 0.1


@dataclass(frozen=True)
class TrainingRequest:
    """What to train; fields that are None are as before in a resumed run, or the defaults.

    Attributes
    ----------
    out : Path
        Folder of the run.
    recipe : str or Path, optional
        Name or file; needed unless `resume`.
    data : Path, optional
        Cohort or cache; needed unless `resume`.
    changes : mapping of str to object
        Settings of the recipe by dotted names, e.g. ``{"token_training.top_k": 0.5}``.
    machine : MachineSettings, optional
    save_minutes, review_steps, kept_states, max_minutes
        As `train_generator`.
    resume, accept_changed_code : bool
        As `train_generator`.
    low_priority : bool
        Leave the processor to others, such as the program that shows the run.
    """

    out: Path
    recipe: str | Path | None = None
    data: Path | None = None
    changes: Mapping[str, object] = field(default_factory=dict)
    machine: MachineSettings | None = None
    save_minutes: float | None = None
    review_steps: int | None = None
    kept_states: int | None = None
    max_minutes: float | None = None
    resume: bool = False
    accept_changed_code: bool = False
    low_priority: bool = True

    def command(self) -> list[str]:
        """Return the command that does it."""
        options: dict[str, object] = {
            "data": Path(self.data).absolute() if self.data is not None else None,
            "out": Path(self.out).absolute(),
            "save-minutes": self.save_minutes,
            "review-steps": self.review_steps,
            "keep-states": self.kept_states,
            "max-minutes": self.max_minutes,
        }
        for part in fields(self.machine) if self.machine is not None else ():
            options[part.name.replace("_", "-")] = getattr(self.machine, part.name)
        # -P: a module that lies in the working folder must not take the place of a library's
        command = [sys.executable, "-P", "-X", "faulthandler", "-m", "napari_tumor_synth.cli"]
        command += ["train", *([_recipe_text(self.recipe)] if self.recipe is not None else [])]
        for name, value in options.items():
            command += [f"--{name}", str(value)] if value is not None else []
        for name, value in self.changes.items():
            command += ["--set", f"{name}={setting_text(value)}"]
        command += ["--resume"] if self.resume else []
        return [*command, *(["--accept-changed-code"] if self.accept_changed_code else [])]


@dataclass(frozen=True)
class BackgroundRun:
    """A training that goes on in a process of its own.

    Attributes
    ----------
    folder : Path
    pid : int
        Of the process.
    """

    folder: Path
    pid: int


def start_in_background(request: TrainingRequest, *, patience_s: float = 900) -> BackgroundRun:
    """Start or resume a training, and return when it has begun: its status is there to be read.

    What the process prints is added to ``console.txt`` in the folder of the run.

    Raises
    ------
    TrainingError
        The process ended before; the sentence is its own. Or it said nothing for `patience_s`,
        and was ended.
    OutputError
        The folder cannot be written.
    """
    folder = Path(request.out).absolute()
    is_new = not folder.exists()
    console = writable_folder(folder) / CONSOLE
    earlier = status.started if (status := read_status(folder)) is not None else ""
    with console.open("ab") as stream:
        said_before = stream.tell()
        process = _start(request, stream)
    threading.Thread(target=process.wait, daemon=True).start()  # leaves no zombie behind
    deadline = time.monotonic() + patience_s
    while process.poll() is None and time.monotonic() < deadline:
        status = read_status(folder)
        if status is not None and status.started != earlier:
            return BackgroundRun(folder, status.pid)
        time.sleep(_POLL_S)
    if process.poll() is None:
        process.kill()
        raise TrainingError(
            f"The training did not begin within {patience_s:g} seconds.", f"See {console}."
        )
    if process.poll() == 0:  # it had nothing left to do
        return BackgroundRun(folder, process.pid)
    problem = _problem(console, said_before, int(process.poll() or 0))
    if is_new and {path.name for path in folder.iterdir()} <= {CONSOLE, LOCK}:
        shutil.rmtree(folder)
    raise problem


def request_stop(folder: Path) -> bool:
    """Ask a run to save its state after the present step and stop; False if it does not run.

    Raises
    ------
    TrainingError
        The folder cannot be written.
    """
    if not is_running(folder):
        return False
    try:
        (folder / STOP).touch()
    except OSError as error:
        raise TrainingError(
            f"The run in {folder} cannot be asked to stop: {error.strerror}.", "Stop it at once."
        ) from error
    return True


def stop_now(folder: Path, *, patience_s: float = 5.0) -> bool:
    """End a run without waiting for its step; the state saved before stays to resume from.

    Returns when it has ended, within about `patience_s`; False if it did not run.

    Raises
    ------
    TrainingError
        The process cannot be ended, e.g. because it is another user's.
    """
    status = read_status(folder)
    if status is None or not status.pid or not is_running(folder):
        return False
    kill = getattr(signal, "SIGKILL", signal.SIGTERM)
    try:
        for number in (signal.SIGTERM, signal.SIGTERM, kill):  # twice: do not finish the step
            os.kill(status.pid, number)
            if _ended(folder, patience_s / 3):
                return True
    except ProcessLookupError:
        return True
    except OSError as error:
        raise TrainingError(
            f"Process {status.pid}, which trains in {folder}, cannot be ended: {error.strerror}.",
            "End it as the user who started it.",
        ) from error
    return _ended(folder, patience_s)


def _start(request: TrainingRequest, console: BinaryIO) -> "subprocess.Popen[bytes]":
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
        flags |= subprocess.BELOW_NORMAL_PRIORITY_CLASS if request.low_priority else 0
    process = subprocess.Popen(
        request.command(),
        stdin=subprocess.DEVNULL,
        stdout=console,
        stderr=subprocess.STDOUT,
        start_new_session=sys.platform != "win32",  # closing the terminal must not end it
        creationflags=flags,
    )
    if request.low_priority and hasattr(os, "setpriority"):
        with suppress(OSError):  # it has ended already; what it said is looked at next
            os.setpriority(os.PRIO_PROCESS, process.pid, _LOW_PRIORITY)
    return process


def _recipe_text(recipe: str | Path) -> str:
    path = Path(recipe)
    return str(path.absolute()) if path.is_file() else str(recipe)


def _problem(console: Path, offset: int, code: int) -> TrainingError:
    """Return what the process said on its way out."""
    said = console.read_bytes()[offset:].decode("utf-8", "replace").strip().splitlines()
    for line in reversed(said):
        if line.startswith("Error: "):
            return TrainingError(line.removeprefix("Error: "), "")
    last = f" Its last words: {said[-1]}" if said else ""
    return TrainingError(
        f"The training process ended with code {code} before it began.{last}",
        "Start it from a terminal with --debug to see more.",
    )


def _ended(folder: Path, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while is_running(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
