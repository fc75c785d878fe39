"""Phantom cases as files, in the layout of BraTS 2018."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_tumor_synth.errors import InputError, OutputError
from napari_tumor_synth.files import writable_folder, write_json
from napari_tumor_synth.imaging.phantom.case_record import CaseRecord, read_case_record
from napari_tumor_synth.imaging.phantom.make import make_phantom, require_known
from napari_tumor_synth.imaging.phantom.settings import (
    SEQUENCES,
    SIMULATED_NOTICE,
    PhantomSettings,
    SequenceName,
)
from napari_tumor_synth.imaging.spawn import map_in_processes
from napari_tumor_synth.imaging.volume import Volume
from napari_tumor_synth.imaging.writing import write_volume
from napari_tumor_synth.processors import worker_count
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

_TEMPORARY = ".writing-"


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
    def record(self) -> Path:
        return self.folder / f"{self.folder.name}.json"

    def file(self, part: str) -> Path:
        return self.folder / f"{self.folder.name}_{part}.nii.gz"

    def matching_record(self) -> CaseRecord | None:
        """Return the record of what is there, if the same program and settings made it."""
        record = read_case_record(self.record)
        return record if record is not None and record.is_of(self.settings) else None

    def is_done(self) -> bool:
        record, wanted = self.matching_record(), self.settings.sequences
        return (
            record is not None
            and set(wanted) <= set(record.sequences)
            and all(self.file(part).is_file() for part in (*wanted, "seg"))
        )

    def sequences_with_those_there(self, record: CaseRecord | None) -> tuple[SequenceName, ...]:
        """Return the sequences that the case will have: nobody loses one that was made before."""
        known = SEQUENCES if record is None else record.sequences
        there = [name for name in known if self.file(name).is_file()]
        return tuple(name for name in SEQUENCES if name in (*self.settings.sequences, *there))


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
    ``…_seg.nii.gz``, and a JSON with the settings and the number of the phantom's format. Cases
    that the same settings and format have made are kept, and sequences join them; all others are
    made anew, with all sequences that they had. A folder is whole or absent; one that is made anew
    lacks its segmentation until the end. Two calls at the same time need two folders.

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
    for name in classes:
        _remove_rests(root / name)
    todo = [job for job in jobs if not job.is_done()]
    done = len(jobs) - len(todo)
    with closing(map_in_processes(_write_case, todo, worker_count(workers))) as written:
        for name in written:
            done += 1
            on_progress(Progress(done, len(jobs), name))
    return [job.folder for job in jobs]


def _write_case(job: _Job) -> str:
    record = job.matching_record()
    whole = job.settings.model_copy(update={"sequences": job.sequences_with_those_there(record)})
    case = make_phantom(job.class_name, job.seed, whole if record is None else job.settings)
    with _cannot_write(job.folder):
        job.folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=job.folder.parent))
    try:
        for sequence, image in case.images.items():
            whole_numbers = Volume(image.array.astype(np.int16), image.affine)
            path = temporary / job.file(sequence).name
            write_volume(whole_numbers, path, description=SIMULATED_NOTICE)
        path = temporary / job.file("seg").name
        write_volume(case.segmentation, path, description=SIMULATED_NOTICE)
        content = CaseRecord(settings=whole).model_dump(mode="json")
        write_json(temporary / job.record.name, content)
        with _cannot_write(job.folder):
            _move(temporary, job, joins=record is not None)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return job.folder.name


def _move(temporary: Path, job: _Job, *, joins: bool) -> None:
    if not job.folder.is_dir():
        temporary.chmod(0o755)
        os.rename(temporary, job.folder)
        return
    if not joins:  # whoever finds a case half replaced must see that it is incomplete
        job.record.unlink(missing_ok=True)
        job.file("seg").unlink(missing_ok=True)
    last = (job.file("seg").name, job.record.name)
    images = sorted(file.name for file in temporary.iterdir() if file.name not in last)
    for name in (*images, *last):
        os.replace(temporary / name, job.folder / name)


def _remove_rests(folder: Path) -> None:
    """Remove what a killed call was writing."""
    for rest in folder.glob(f"{_TEMPORARY}*"):
        with _cannot_write(rest):
            shutil.rmtree(rest)


@contextmanager
def _cannot_write(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"Cannot write {folder}: {error.strerror or error}.", "Choose another folder."
        ) from error
