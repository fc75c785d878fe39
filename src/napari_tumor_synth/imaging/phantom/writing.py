"""Phantom cases as files, in the layout of BraTS 2018."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_tumor_synth.errors import InputError, OutputError
from napari_tumor_synth.files import writable_folder
from napari_tumor_synth.imaging.phantom.make import make_phantom, require_known
from napari_tumor_synth.imaging.phantom.settings import PhantomSettings
from napari_tumor_synth.imaging.spawn import map_in_processes
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume
from napari_tumor_synth.processors import worker_count
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

_NOTE = "phantom, not a patient"


@dataclass(frozen=True)
class _Job:
    class_name: str
    seed: int
    settings: PhantomSettings
    out: Path

    @property
    def folder(self) -> Path:
        name = f"Phantom_{self.class_name}_{self.seed:06d}"
        return self.out / self.class_name / name

    @property
    def is_done(self) -> bool:
        """Whether all files are there: an earlier call may have made other sequences."""
        parts = (*self.settings.sequences, "seg")
        return all((self.folder / f"{self.folder.name}_{part}.nii.gz").is_file() for part in parts)


def write_phantoms(
    out: Path | str,
    count: int,
    seed: int,
    *,
    classes: Sequence[str] = ("LGG", "HGG"),
    settings: PhantomSettings | None = None,
    workers: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> list[Path]:
    """Simulate cases and write each into a folder of its own.

    ``<out>/<CLASS>/Phantom_<CLASS>_<seed>/`` holds ``…_flair.nii.gz`` and so on, and
    ``…_seg.nii.gz``. A folder is whole or absent; cases that have all their files are kept.

    Parameters
    ----------
    out : path
        Folder to write to.
    count : int
        Cases of each class, at least 1; their seeds are ``seed`` to ``seed + count - 1``.
    classes : sequence of str
        Among LGG and HGG.
    settings : PhantomSettings, optional
        How to simulate.
    workers : int, optional
        Processes; None takes all cores.

    Returns
    -------
    list of Path
        The folders of the cases.

    Raises
    ------
    UnknownClassError, InputError, OutputError
        As their names say.
    """
    if count < 1:
        raise InputError(f"{count} phantoms cannot be made.", "Ask for at least one.")
    require_known(classes)
    root = writable_folder(out)
    chosen = settings or PhantomSettings()
    jobs = [
        _Job(name, number, chosen, root) for number in range(seed, seed + count) for name in classes
    ]
    todo = [job for job in jobs if not job.is_done]
    done = len(jobs) - len(todo)
    with closing(map_in_processes(_write_case, todo, worker_count(workers))) as written:
        for name in written:
            done += 1
            on_progress(Progress(done, len(jobs), name))
    return [job.folder for job in jobs]


def _write_case(job: _Job) -> str:
    case = make_phantom(job.class_name, job.seed, job.settings)
    name = job.folder.name
    try:
        job.folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=job.folder.parent))
    except OSError as error:
        raise OutputError(
            f"Cannot write {job.folder}: {error.strerror or error}.", "Choose another folder."
        ) from error
    try:
        for sequence, image in case.images.items():
            whole_numbers = Volume(image.array.astype(np.int16), image.affine)
            write_volume(whole_numbers, temporary / f"{name}_{sequence}.nii.gz", description=_NOTE)
        write_volume(case.segmentation, temporary / f"{name}_seg.nii.gz", description=_NOTE)
        _move(temporary, job.folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return name


def _move(temporary: Path, folder: Path) -> None:
    try:
        if folder.is_dir():  # other sequences of this case are there
            for file in sorted(temporary.iterdir()):
                os.replace(file, folder / file.name)
        else:
            temporary.chmod(0o755)
            os.rename(temporary, folder)
    except OSError as error:
        raise OutputError(
            f"Cannot write {folder}: {error.strerror or error}.", "Choose another folder."
        ) from error
