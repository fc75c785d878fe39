"""A folder of synthetic ROIs, whoever made them: all on one grid, kept small in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.generators.provenance import Provenance, read_provenance
from napari_tumor_synth.imaging.case import UNKNOWN_CLASS
from napari_tumor_synth.imaging.input_file import NIFTI_SUFFIXES, image_suffix
from napari_tumor_synth.imaging.mask_rule import foreground_of
from napari_tumor_synth.imaging.roi import Roi
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.workflows.gallery_grid import require_tumour_that_varies
from napari_tumor_synth.workflows.roi_input import is_provenance, open_roi

_SPACING_TOLERANCE = 1e-3  # relative


class CroppedImages(Sequence[NDArray[np.float32]]):
    """Masked ROIs (C, S, A, R) in [-1, 1], of which only the boxes around tumours are kept.

    Parameters
    ----------
    shape : tuple of int
        (C, S, A, R) of each.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._kept: list[tuple[tuple[slice, ...], NDArray[np.float32]]] = []

    def append(self, image: NDArray[np.float32]) -> None:
        """Keep one more."""
        foreground = foreground_of(image)
        places = [np.flatnonzero(foreground.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
        box = tuple(slice(int(at[0]), int(at[-1]) + 1) for at in places)
        self._kept.append((box, image[(slice(None), *box)].copy()))

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, index: slice) -> list[NDArray[np.float32]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        """Return one whole ROI, or several."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        box, part = self._kept[index]
        image = np.full(self._shape, -1, np.float32)
        image[(slice(None), *box)] = part
        return image


@dataclass(frozen=True, eq=False)
class SyntheticSet:
    """The synthetic ROIs of a folder.

    Attributes
    ----------
    folder : Path
    names : tuple of str
        Of their records or images, without suffix; with the folders below this one where they need
        them to differ.
    classes : tuple of str
        One each; `UNKNOWN_CLASS` where nobody has said.
    images : CroppedImages
    records : tuple of Provenance or None
        How each came to be, where it is known.
    size, spacing_mm, sequences
        The grid that all are on.
    """

    folder: Path
    names: tuple[str, ...]
    classes: tuple[str, ...]
    images: CroppedImages
    records: tuple[Provenance | None, ...]
    size: tuple[int, int, int]
    spacing_mm: float
    sequences: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def file_hashes(self) -> frozenset[str]:
        """SHA-256 of the files that the records name."""
        return frozenset(
            sha256 for record in self.records if record for sha256 in record.files.values()
        )


def open_synthetic_set(folder: Path, on_progress: OnProgress = ignore_progress) -> SyntheticSet:
    """Read the synthetic ROIs below a folder.

    Those that `generate` wrote are read by their records, which are checked; of other programs, all
    NIfTI images but masks (``*_mask``, ``*_seg``). Their class is the folder that they lie in, if
    that is not the given one.

    Parameters
    ----------
    folder : Path
    on_progress : callable
        Called once an ROI; may raise `Cancelled`.

    Raises
    ------
    InputError
        There are none, one is damaged or empty, or they are on different grids.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "Name the folder of synthetic ROIs.")
    records = _records_in(folder)
    paths = sorted(records) or _images_in(folder)
    if not paths:
        raise InputError(
            f"{folder} holds no synthetic ROI.",
            "Name the folder that `tumor-synth generate` wrote to, or one of ROIs in NIfTI.",
        )
    first: Roi | None = None
    images: CroppedImages | None = None
    for step, path in enumerate(paths, start=1):
        roi = open_roi(path).roi
        if first is None or images is None:
            first, images = roi, CroppedImages(roi.image.shape)
        _require_alike(first, paths[0], roi, path)
        require_tumour_that_varies(roi.image, path.name)
        images.append(roi.image)
        on_progress(Progress(step, len(paths), f"reading {path.name}"))
    assert first is not None
    assert images is not None
    return SyntheticSet(
        folder=folder,
        names=_names_of(paths, folder),
        classes=tuple(
            records[path].class_name if records else _class_by_folder(path, folder)
            for path in paths
        ),
        images=images,
        records=tuple(records.get(path) for path in paths),
        size=first.settings.size,
        spacing_mm=first.settings.spacing_mm,
        sequences=first.sequences,
    )


def _records_in(folder: Path) -> dict[Path, Provenance]:
    return {path: read_provenance(path) for path in folder.rglob("*.json") if is_provenance(path)}


def _images_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*.nii*")
        if image_suffix(path) in NIFTI_SUFFIXES and not _stem(path).endswith(("_mask", "_seg"))
    )


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]


def _names_of(paths: Sequence[Path], folder: Path) -> tuple[str, ...]:
    stems = tuple(_stem(path) for path in paths)
    if len(set(stems)) == len(stems):
        return stems
    below = (path.parent.relative_to(folder).as_posix() for path in paths)
    return tuple(
        stem if where == "." else f"{where}/{stem}"
        for where, stem in zip(below, stems, strict=True)
    )


def _class_by_folder(path: Path, folder: Path) -> str:
    return UNKNOWN_CLASS if path.parent == folder else path.parent.name


def _require_alike(first: Roi, first_path: Path, roi: Roi, path: Path) -> None:
    ours, theirs = first.settings, roi.settings
    same = (
        ours.size == theirs.size
        and abs(ours.spacing_mm / theirs.spacing_mm - 1) <= _SPACING_TOLERANCE
        and first.sequences == roi.sequences
    )
    if not same:
        raise InputError(
            f"{first_path.name} has {_grid_of(first)}, and {path.name} has {_grid_of(roi)}.",
            "Evaluate sets of one grid and the same sequences each.",
        )


def _grid_of(roi: Roi) -> str:
    settings = roi.settings
    return (
        f"{' x '.join(map(str, settings.size))} voxels of {settings.spacing_mm:g} mm "
        f"({', '.join(roi.sequences)})"
    )
