"""Real ROIs, indexed once, to look up which of them a synthetic one is like."""

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import GalleryError
from napari_tumor_synth.evaluation.alignment import spectrum_of
from napari_tumor_synth.evaluation.gallery_files import read_gallery_roi
from napari_tumor_synth.evaluation.gallery_manifest import (
    MANIFEST,
    VOLUMES,
    GalleryEntry,
    GalleryManifest,
    GalleryPlan,
    read_manifest,
)
from napari_tumor_synth.evaluation.gallery_outlines import Outlines, outlines_file, read_outlines
from napari_tumor_synth.evaluation.gallery_rois import GalleryRois
from napari_tumor_synth.evaluation.gallery_scores import RealScores, read_scores
from napari_tumor_synth.evaluation.ssim import SsimRoi
from napari_tumor_synth.files import sha256_of_file
from napari_tumor_synth.processors import worker_count

SCORES = "real_to_real.npz"
MOST_SPECTRA = 1000
"""ROIs of a gallery up to which spectra are kept: 0.3 GB."""


class Gallery:
    """The real ROIs of a cohort, as `build_gallery` left them in a folder.

    Parameters
    ----------
    folder : Path
    manifest : GalleryManifest
    """

    def __init__(self, folder: Path, manifest: GalleryManifest) -> None:
        self.folder = folder
        self._manifest = manifest
        self._stamp = _stamp(folder)
        self._spectra: dict[int, NDArray[np.complex64]] = {}
        self._good: set[int] = set()  # ROIs whose files were found as they were built

    @classmethod
    def open(cls, folder: Path | str) -> "Gallery":
        """Open the gallery in a folder; its ROIs are mapped into memory when they are needed.

        Raises
        ------
        GalleryError
            There is no finished gallery, or it is damaged or of a newer format.
        """
        return cls(Path(folder), read_manifest(Path(folder)))

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def has_changed(self) -> bool:
        """Whether it was built again, or removed, since it was opened."""
        return _stamp(self.folder) != self._stamp

    @property
    def entries(self) -> tuple[GalleryEntry, ...]:
        """What is known of each ROI, ordered by name."""
        return self._manifest.entries

    @property
    def plan(self) -> GalleryPlan:
        """How the ROIs were cut, and for which index they were prepared."""
        return self._manifest.plan

    @property
    def patient_data(self) -> bool:
        """Whether the ROIs may come from patients."""
        return self._manifest.patient_data

    @cached_property
    def patients(self) -> tuple[str, ...]:
        """Whose ROI each is."""
        return tuple(entry.patient for entry in self.entries)

    @cached_property
    def contents(self) -> list[str]:
        """What names the image of each ROI: the SHA-256 of its file in the cohort."""
        return [entry.content for entry in self.entries]

    @cached_property
    def rois(self) -> GalleryRois:
        """All ROIs, ready to be compared.

        Raises
        ------
        GalleryError
            The file of one is missing or damaged. In a large gallery, that is found when the
            ROI is asked for.
        """
        rois = GalleryRois(self._read_whole, self.outlines.bytes_to_read)
        if rois.are_few:
            rois.read_all(worker_count())
        return rois

    @cached_property
    def outlines(self) -> Outlines:
        """What tells of the ROIs without comparing them.

        Raises
        ------
        GalleryError
            Their file is missing or damaged.
        """
        outlines = read_outlines(self.folder, self.contents)
        path = outlines_file(self.folder, self.contents)
        if outlines is None or sha256_of_file(path) != self._manifest.outlines:
            raise self._lacks(path)
        return outlines

    def _read_whole(self, index: int) -> SsimRoi:
        """Return an ROI whose file is the one that was built.

        A damaged one would be like nothing, and a copy of it would pass.
        """
        if index not in self._good:
            self.require_unchanged(index)
            self._good.add(index)
        return self._read(index)

    def _read(self, index: int) -> SsimRoi:
        entry = self.entries[index]
        return read_gallery_roi(
            self.folder / VOLUMES / entry.file, entry.content, self.plan.definition
        )

    def coarse_spectrum(self, index: int) -> NDArray[np.complex64]:
        """Return an ROI ready for a search of shifts, see `alignment`; kept in a small gallery."""
        spectrum = self._spectra.get(index)
        if spectrum is None:
            spectrum = spectrum_of(self.outlines.coarse(index))
            if len(self) <= MOST_SPECTRA:
                self._spectra[index] = spectrum
        return spectrum

    @cached_property
    def persons(self) -> tuple[str, ...]:
        """Whose ROI each is, patients whose ROIs show the same tumour being one person."""
        name = {patient: patient for patient in self.patients}

        def first(patient: str) -> str:
            while name[patient] != patient:
                patient = name[patient]
            return patient

        for pair in self.same_tumours:
            one, other = sorted(first(self.patients[index]) for index in pair)
            name[other] = one
        return tuple(first(patient) for patient in self.patients)

    @cached_property
    def same_tumours(self) -> tuple[tuple[int, int], ...]:
        """Pairs of ROIs, by index, of different patients that show the same tumour.

        Of a large gallery, those of the ROIs that were compared with all others.
        """
        return self.scores.same_tumours(self.patients)

    @cached_property
    def scores(self) -> RealScores:
        """3D-SSIM among the real ROIs.

        Raises
        ------
        GalleryError
            Its file is missing or damaged.
        """
        scores = read_scores(self.contents, self.folder / SCORES)
        if scores is None:
            raise self._lacks(self.folder / SCORES)
        return scores

    def _lacks(self, path: Path) -> GalleryError:
        return GalleryError(
            f"{path} of the gallery is missing or damaged.",
            "Run tumor-synth gallery build again with the same folder.",
        )

    def require_unchanged(self, index: int) -> None:
        """Make sure that an ROI's file is the one that was built.

        Raises
        ------
        GalleryError
            It is missing or has changed.
        """
        entry = self.entries[index]
        path = self.folder / VOLUMES / entry.file
        try:
            unchanged = sha256_of_file(path) == entry.sha256
        except OSError:
            unchanged = False
        if not unchanged:
            raise GalleryError(
                f"{path} of the gallery is missing or has changed.",
                "Run tumor-synth gallery build again with the same folder: it makes anew what is "
                "damaged.",
            )

    def image(self, index: int) -> NDArray[np.float32]:
        """Return an ROI (C, S, A, R) in [-1, 1], background exactly -1.

        Raises
        ------
        GalleryError
            Its file is missing or damaged.
        """
        return image_of(self.rois[index])


def image_of(roi: SsimRoi) -> NDArray[np.float32]:
    """Return the ROI (C, S, A, R) in [-1, 1] that was prepared, within 1e-7."""
    reach = roi.definition.reach
    image = np.full((len(roi.channels), *roi.shape), -1, np.float32)
    for number, channel in enumerate(roi.channels):
        inner = channel.part.raw[(slice(reach, -reach),) * 3]
        s, a, r = channel.part.origin.tolist()
        deep, tall, wide = inner.shape
        image[number, s : s + deep, a : a + tall, r : r + wide] = 2 * inner - 1
    return image


def _stamp(folder: Path) -> tuple[int, int, int] | None:
    """Return what tells a gallery's manifest from one that has replaced it."""
    try:
        found = (folder / MANIFEST).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
