"""Prepared ROIs on disk, read one by one without loading the rest."""

import hashlib
import io
import re
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import CohortError, OutputError
from napari_tumor_synth.files import atomic_file, sha256_of_file
from napari_tumor_synth.imaging.cache_manifest import (
    ARRAYS,
    CacheEntry,
    FailedCase,
    Manifest,
    read_manifest,
)
from napari_tumor_synth.imaging.case import UNKNOWN_CLASS
from napari_tumor_synth.imaging.region import RoiSettings
from napari_tumor_synth.imaging.splits import check_disjoint

__all__ = [
    "CacheEntry",
    "FailedCase",
    "RoiCache",
    "readable_name",
    "remove_unnamed_arrays",
    "store_array",
]

_ARRAY_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}-[0-9a-f]{16}\.npy")  # as `store_array` gives them
_PARSING = threading.Lock()  # of headers: Python's parser fails now and then in several threads


class RoiCache:
    """The ROIs of a cohort, as `prepare_cohort` left them in a folder.

    ROIs are kept as float16, half the size of float32. In [-1, 1] this rounds by at most 0.00025
    (2^-12, an eighth of a grey level of 8 bits); the background stays exactly -1 and the tumour
    above it, so that the mask is ``image > -1`` as ever.

    Parameters
    ----------
    folder : path
    manifest : Manifest
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self._manifest = manifest
        check_disjoint((entry.patient, entry.split) for entry in manifest.entries)

    @classmethod
    def open(cls, folder: Path | str, *, verify: bool = False) -> "RoiCache":
        """Open the cache in a folder.

        Parameters
        ----------
        folder : path
        verify : bool
            Compare every array file with its hash; takes as long as reading them all.

        Raises
        ------
        CohortError
            There is no finished cache, it is damaged or of a newer format, a patient is in two
            splits, or (with `verify`) an array file differs from its hash.
        """
        cache = cls(Path(folder), read_manifest(Path(folder)))
        if verify:
            cache._verify()
        return cache

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def entries(self) -> tuple[CacheEntry, ...]:
        """What is known about each ROI, ordered by name."""
        return self._manifest.entries

    @property
    def settings(self) -> RoiSettings:
        """How the ROIs were cut."""
        return self._manifest.plan.settings

    @property
    def sequences(self) -> tuple[str, ...]:
        """The sequence of each channel."""
        return self._manifest.plan.sequences

    @property
    def classes(self) -> tuple[str, ...]:
        """The known classes, sorted; ``"unknown"`` is none."""
        return self._manifest.classes

    @property
    def failed(self) -> tuple[FailedCase, ...]:
        """Cases of the cohort that are not in the cache, and why."""
        return self._manifest.failed

    @property
    def notes(self) -> tuple[str, ...]:
        """What else the user should know about the cohort."""
        return self._manifest.notes

    @property
    def patient_data(self) -> bool:
        """Whether the ROIs may come from patients: all do that are not known as phantoms."""
        return self._manifest.patient_data

    @property
    def manifest_hash(self) -> str:
        """SHA-256 of what determines the data and the split: no paths and no dates."""
        return self._manifest.sha256

    def indices(self, split: str) -> list[int]:
        """Return the ROIs of a split: ``"train"``, ``"validation"`` or ``"test"``."""
        return [index for index, entry in enumerate(self.entries) if entry.split == split]

    def class_index(self, index: int) -> int:
        """Return the place of a ROI's class in `classes`; 0 when the cohort has no classes.

        Raises
        ------
        CohortError
            The class of this case is unknown, though others have one.
        """
        entry = self.entries[index]
        if not self.classes:
            return 0
        if entry.class_name == UNKNOWN_CLASS:
            raise CohortError(
                f"The class of case {entry.name} is unknown.",
                "Put it into a folder HGG or LGG, or give the class in a table, and prepare again.",
            )
        return self.classes.index(entry.class_name)

    def memmap(self, index: int) -> NDArray[np.float16]:
        """Return a ROI (C, S, A, R) as it lies on the disk, read-only.

        Raises
        ------
        CohortError
            Its file is missing or damaged.
        """
        entry = self.entries[index]
        shape = (len(self.sequences), *self.settings.size)
        try:
            with _PARSING:
                array: NDArray[np.float16] = np.load(
                    self._path(entry), mmap_mode="r", allow_pickle=False
                )
        except Exception as error:  # a damaged header makes numpy's parser raise nearly anything
            raise self._damaged(entry, str(error).partition("\n")[0]) from error
        if array.shape != shape or array.dtype != np.float16:
            raise self._damaged(entry, f"it holds {array.shape} {array.dtype}")
        return array

    def load(self, index: int) -> NDArray[np.float32]:
        """Return a ROI in memory, float32 (C, S, A, R) in [-1, 1], background exactly -1.

        Raises
        ------
        CohortError
            Its file is missing or damaged.
        """
        return np.array(self.memmap(index), dtype=np.float32)

    def _path(self, entry: CacheEntry) -> Path:
        return self.folder / ARRAYS / entry.file

    def _verify(self) -> None:
        for entry in self.entries:
            if not self._path(entry).is_file():
                raise self._damaged(entry, "it is missing")
            if sha256_of_file(self._path(entry)) != entry.sha256:
                raise self._damaged(entry, "its contents have changed")

    def _damaged(self, entry: CacheEntry, how: str) -> CohortError:
        return CohortError(
            f"The cached ROI of case {entry.name} ({self._path(entry)}) cannot be used: {how}.",
            "Run tumor-synth prepare again with the same folder: it makes anew what is damaged.",
        )


def store_array(folder: Path, name: str, image: NDArray[np.float32]) -> tuple[str, str]:
    """Store an ROI below a cache's folder, under a name that its contents decide.

    So a file that somebody reads is never changed; another content gets another file.

    Returns
    -------
    file, sha256 : str
        The file's name below ``arrays``, and its hash.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    buffer = io.BytesIO()
    np.save(buffer, image.astype(np.float16), allow_pickle=False)
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
    file = f"{readable_name(name)}-{digest[:16]}.npy"
    path = folder / ARRAYS / file
    if not (path.is_file() and sha256_of_file(path) == digest):
        with atomic_file(path) as temporary:
            temporary.write_bytes(buffer.getbuffer())
    return file, digest


def readable_name(name: str) -> str:
    """Return what of a case's name may stand in any file's name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-")[:80] or "case"


def remove_unnamed_arrays(folder: Path, manifest: Manifest) -> None:
    """Remove the ROIs of cases that were taken out of the cohort, or that were cut anew.

    Raises
    ------
    OutputError
        One of them cannot be removed.
    """
    named = {entry.file for entry in manifest.entries}
    for path in (folder / ARRAYS).glob("*.npy"):
        if path.name in named or not _ARRAY_NAME.fullmatch(path.name):
            continue
        try:
            path.unlink()
        except OSError as error:
            raise OutputError(
                f"The cache is finished, but {path}, which it no longer needs, cannot be removed: "
                f"{error.strerror or error}.",
                "Remove that file, or call again when no program uses it.",
            ) from error
