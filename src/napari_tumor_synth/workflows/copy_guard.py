"""Look every sample up in a gallery of real ROIs before it is written; hold copies back.

Each sample is judged by itself, so that what becomes of a seed does not depend on what else is
generated in the same call.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.gallery import Gallery
from napari_tumor_synth.evaluation.judging import Judge
from napari_tumor_synth.evaluation.nearest import find_nearest
from napari_tumor_synth.evaluation.pseudonyms import Pseudonyms
from napari_tumor_synth.generators.copy_check import CopyCheck
from napari_tumor_synth.generators.families import Generator
from napari_tumor_synth.generators.provenance import Provenance
from napari_tumor_synth.generators.synthetic import SyntheticRoi, sample_files
from napari_tumor_synth.workflows.gallery_grid import channels_in


@dataclass(frozen=True)
class GuardSettings:
    """What samples are compared with.

    Attributes
    ----------
    gallery : Path
    transforms : bool
        Try them mirrored, turned and shifted as well.
    allow_copies : bool
        Write copies too; their records say what they are.
    """

    gallery: Path
    transforms: bool = False
    allow_copies: bool = False


@dataclass(frozen=True)
class Withheld:
    """A sample that was not written.

    Attributes
    ----------
    class_name, seed :
        Which.
    check : CopyCheck
    sentence : str
        Why, in words.
    earlier : Path or None
        The record of the same sample that an earlier call has written.
    """

    class_name: str
    seed: int
    check: CopyCheck
    sentence: str
    earlier: Path | None

    def as_json(self) -> dict[str, Any]:
        """Return the stable keys of a withheld sample in ``generate --json``."""
        return {
            "class": self.class_name,
            "seed": self.seed,
            "copy_check": self.check.model_dump(mode="json"),
            "sentence": self.sentence,
            "earlier": None if self.earlier is None else str(self.earlier),
        }


class CopyGuard:
    """Compares samples of a generator with a gallery.

    Parameters
    ----------
    settings : GuardSettings
    generator : Generator

    Raises
    ------
    GalleryError
        There is no gallery, or it is damaged.
    InputError
        It is of another grid or other sequences than the generator.
    """

    def __init__(self, settings: GuardSettings, generator: Generator) -> None:
        self._settings = settings
        self._gallery = Gallery.open(settings.gallery)
        self._channels = channels_in(
            self._gallery, generator.size, generator.spacing_mm, generator.sequences, generator.name
        )
        self._pseudonyms = Pseudonyms(self._gallery)
        self._judge = Judge.of_gallery(self._gallery, transforms=settings.transforms)

    def look_at(self, sample: SyntheticRoi, folder: Path) -> SyntheticRoi | Withheld:
        """Return the sample with what was found in its record, or what is said instead of it.

        Parameters
        ----------
        sample : SyntheticRoi
        folder : Path
            Where it is going to be written.
        """
        image = sample.roi.image[list(self._channels)]
        found = find_nearest(self._gallery, image, top=1, transforms=self._settings.transforms)
        (judged,) = self._judge.judge([found])
        verdict, nearest = judged.verdict, judged.match
        check = CopyCheck(
            verdict=verdict.name,
            foreground_ssim=nearest.score.foreground,
            whole_ssim=nearest.score.whole,
            percentile=verdict.percentile,
            p_value=verdict.p_value,
            definition=str(self._gallery.plan.definition),
            transforms=self._settings.transforms,
            nearest=self._pseudonyms.of(nearest.index),
            gallery=self._pseudonyms.of_gallery,
            rois=len(self._gallery),
            withheld_unless_allowed=verdict.is_copy,
        )
        record = sample.provenance
        if verdict.is_copy and not self._settings.allow_copies:
            path = sample_files(folder, record.class_name, record.seed, record.sequences).provenance
            earlier = path if path.exists() else None
            return Withheld(record.class_name, record.seed, check, verdict.sentence, earlier)
        return replace(sample, provenance=record.model_copy(update={"copy_check": check}).sealed())


def require_no_known_copy(record: Provenance | None, guard: GuardSettings | None) -> None:
    """Make sure that a sample that is repeated is no copy, or is looked up again.

    Raises
    ------
    InputError
        Its record says that it is one, and no gallery is given.
    """
    known = None if record is None else record.copy_check
    if known is not None and known.withheld_unless_allowed and guard is None:
        raise InputError(
            "The record says that this sample is a copy of a real ROI.",
            "To make it again, name the gallery that it was compared with (--gallery), and "
            "--allow-copies.",
        )


def require_some_left(written: int, withheld: list[Withheld]) -> None:
    """Make sure that something was written.

    Raises
    ------
    InputError
        All samples are copies.
    """
    if withheld and not written:
        all_of_them = "The sample is" if len(withheld) == 1 else f"All {len(withheld)} samples are"
        raise InputError(
            f"{all_of_them} too near to a real ROI, and nothing was written. The first, "
            f"{withheld[0].class_name} of seed {withheld[0].seed}: {withheld[0].sentence}",
            "Generate with other seeds, or allow copies with --allow-copies.",
        )
