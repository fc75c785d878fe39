"""How the files of a saved ROI are called, and which record speaks for which image."""

from dataclasses import dataclass
from pathlib import Path

from napari_tumor_synth.errors import VolumeError
from napari_tumor_synth.imaging.roi_record import RoiRecord, read_record

_IMAGE_END = "_roi.nii.gz"
_MASK_END = "_mask.nii.gz"
_RECORD_END = "_roi.json"


@dataclass(frozen=True)
class RoiFiles:
    """Where an ROI is written: one image a sequence, the mask, and the record."""

    images: tuple[Path, ...]
    mask: Path
    sidecar: Path

    @classmethod
    def named(cls, folder: Path, stem: str, sequences: tuple[str, ...]) -> "RoiFiles":
        """Return the files of an ROI of these sequences; one sequence is not named."""
        ends = [""] if len(sequences) == 1 else [f"_{sequence}" for sequence in sequences]
        return cls(
            images=tuple(folder / f"{stem}{end}{_IMAGE_END}" for end in ends),
            mask=folder / f"{stem}{_MASK_END}",
            sidecar=folder / f"{stem}{_RECORD_END}",
        )

    @classmethod
    def of_record(cls, path: Path, record: RoiRecord) -> "RoiFiles":
        """Return the files that a record at `path` names."""
        return cls.named(path.parent, path.name.removesuffix(_RECORD_END), record.sequences)

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file."""
        return (*self.images, self.mask, self.sidecar)


def find_record(image: Path) -> tuple[Path, RoiRecord] | None:
    """Return the record that speaks for an image, reduced to the one sequence that it holds.

    Of several records that the image's name could belong to (``P1`` and ``P1_2`` for
    ``P1_2_flair_roi.nii.gz``), the one with the longest stem that names the image counts.

    Raises
    ------
    VolumeError
        A record is damaged, or the image's own record names other images only.
    """
    if not image.name.endswith(_IMAGE_END):
        return None
    own = own_record(image)
    stem = own.name.removesuffix(_RECORD_END)
    shared = [stem[:place] for place in range(len(stem) - 1, 0, -1) if stem[place] == "_"]
    for path in (own, *(image.with_name(f"{start}{_RECORD_END}") for start in shared)):
        if not path.is_file():
            continue
        record = read_record(path)
        images = [file.name for file in RoiFiles.of_record(path, record).images]
        if image.name in images:
            return path, record.of_sequence(record.sequences[images.index(image.name)])
    if own.is_file():
        raise VolumeError(
            f"{own} names other images than {image.name}, which an earlier ROI has left behind.",
            f"Remove {image.name}, or read the record, which brings its own images.",
        )
    return None


def own_record(image: Path) -> Path:
    """Return where the record lies that belongs to this image alone."""
    return image.with_name(f"{image.name.removesuffix(_IMAGE_END)}{_RECORD_END}")


def left_behind(files: RoiFiles) -> tuple[Path, ...]:
    """Return images of an earlier ROI of this stem that the new files do not replace.

    Only what the earlier record names, and no record of its own claims, is known as such.
    """
    try:
        earlier = RoiFiles.of_record(files.sidecar, read_record(files.sidecar))
    except VolumeError:  # without a sound record nothing can be told
        return ()
    return tuple(
        image
        for image in earlier.images
        if image not in files.images
        and image.is_file()
        and (own_record(image) == files.sidecar or not own_record(image).is_file())
    )
