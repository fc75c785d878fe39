"""The main job from end to end, on phantoms: MRI, ROI, synthetic ROIs, contact sheet."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_tumor_synth.generators.families import Generator
from napari_tumor_synth.generators.synthetic import SampleFiles, write_synthetic
from napari_tumor_synth.imaging.contact_sheet import SheetItem, contact_sheet
from napari_tumor_synth.imaging.phantom.settings import CLASSES
from napari_tumor_synth.imaging.phantom.writing import write_phantoms
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.workflows.generate import open_generator
from napari_tumor_synth.workflows.outputs import output_folder, require_replaceable
from napari_tumor_synth.workflows.roi import save_roi_of_case
from napari_tumor_synth.workflows.sample_files import require_room_for_samples
from napari_tumor_synth.workflows.sample_sheet import CONTACT_SHEET, is_sample_sheet, sheet_items


@dataclass(frozen=True)
class PhantomRoi:
    """A simulated case and the ROI that was cut from it."""

    class_name: str
    case: Path
    roi: Path
    mask: Path
    warnings: tuple[str, ...]
    item: SheetItem


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration wrote."""

    phantoms: tuple[PhantomRoi, ...]
    samples: tuple[SampleFiles, ...]
    contact_sheet: Path
    model: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON types."""
        return {
            "phantoms": [
                {
                    "class": phantom.class_name,
                    "case": str(phantom.case),
                    "roi": str(phantom.roi),
                    "mask": str(phantom.mask),
                }
                for phantom in self.phantoms
            ],
            "samples": [sample.as_json() for sample in self.samples],
            "contact_sheet": str(self.contact_sheet),
            "model": self.model,
            "seconds": round(self.seconds, 3),
        }


def run_demo(
    out: Path,
    *,
    count: int = 4,
    seed: int = 7,
    model: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> DemoResult:
    """Simulate a case of each class, cut its ROI on the model's grid, and sample every class.

    Parameters
    ----------
    out : Path
        Folder to write to: ``phantoms``, ``roi``, ``synthetic`` and the contact sheet.
    count : int
        Samples of each class.
    seed : int
        Seed of the phantoms and of the first sample.

    Raises
    ------
    InputError, CheckpointError, MemoryLimitError, OutputError
        As their names say.
    """
    start = time.monotonic()
    generator = open_generator(model, device)
    seeds, synthetic, sheet = range(seed, seed + count), out / "synthetic", out / CONTACT_SHEET
    generator.require(generator.classes, seeds, generator.default_decoding)
    simulated = [name for name in CLASSES if name in generator.classes] or list(CLASSES)
    steps = len(simulated) + len(generator.classes)
    with output_folder(out):
        require_replaceable(sheet, is_sample_sheet, overwrite=overwrite)
        require_room_for_samples(
            generator,
            generator.classes,
            seeds,
            generator.default_decoding,
            synthetic,
            overwrite=overwrite,
        )
        phantoms = []
        for number, name in enumerate(simulated):
            on_progress(Progress(number, steps, f"simulating a case of {name}"))
            phantoms.append(_phantom_roi(generator, name, seed, out, overwrite=overwrite))
        rows = {phantom.class_name: [phantom.item] for phantom in phantoms}
        written: list[SampleFiles] = []
        for number, class_name in enumerate(generator.classes, start=len(simulated)):
            on_progress(Progress(number, steps, f"sampling {class_name}"))
            samples = generator.sample(class_name, seeds)
            written += [write_synthetic(sample, synthetic) for sample in samples]
            rows.setdefault(class_name, []).extend(sheet_items(samples))
        title = f"One simulated case of each class, and new ROIs by {generator.name}"
        contact_sheet(list(rows.items()), sheet, title=title, synthetic=True)
    on_progress(Progress(steps, steps, "done"))
    seconds = time.monotonic() - start
    return DemoResult(tuple(phantoms), tuple(written), sheet, generator.name, seconds)


def _phantom_roi(
    generator: Generator, class_name: str, seed: int, out: Path, *, overwrite: bool
) -> PhantomRoi:
    # in this process: starting others takes as long as simulating one case
    case = write_phantoms(out / "phantoms", 1, seed, classes=(class_name,), workers=1)[0]
    roi, files = save_roi_of_case(
        {name: case / f"{case.name}_{name}.nii.gz" for name in generator.sequences},
        case / f"{case.name}_seg.nii.gz",
        out / "roi",
        RoiSettings(size=generator.size, spacing_mm=generator.spacing_mm),
        stem=case.name,
        overwrite=overwrite,
    )
    label = f"simulated {class_name}, seed {seed}"
    item = SheetItem(roi.image[0], label, roi.spacing, roi.mask)
    return PhantomRoi(class_name, case, files.images[0], files.mask, roi.warnings, item)
