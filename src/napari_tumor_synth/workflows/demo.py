"""The main job from end to end, on a phantom: MRI, ROI, synthetic ROIs, contact sheet."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_tumor_synth.generators.synthetic import SampleFiles, write_synthetic
from napari_tumor_synth.imaging.contact_sheet import SheetItem, contact_sheet
from napari_tumor_synth.imaging.phantom.writing import write_phantoms
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.workflows.generate import CONTACT_SHEET, open_generator, sheet_items
from napari_tumor_synth.workflows.roi import save_roi_of_case


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration wrote."""

    case: Path
    roi: Path
    mask: Path
    samples: tuple[SampleFiles, ...]
    contact_sheet: Path
    model: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON types."""
        return {
            "case": str(self.case),
            "roi": str(self.roi),
            "mask": str(self.mask),
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
    on_progress: OnProgress = ignore_progress,
) -> DemoResult:
    """Simulate a case, crop its ROI on the model's grid, and sample every class of the model.

    Parameters
    ----------
    out : Path
        Folder to write to.
    count : int
        Samples of each class.
    seed : int
        Seed of the phantom and of the first sample.
    """
    start = time.monotonic()
    generator = open_generator(model)
    steps = 3 + len(generator.classes)
    on_progress(Progress(0, steps, "simulating a case"))
    case = write_phantoms(out / "case", 1, seed, classes=("HGG",))[0]
    on_progress(Progress(1, steps, "cropping its ROI"))
    settings = RoiSettings(size=generator.size, spacing_mm=generator.spacing_mm)
    roi, files = save_roi_of_case(
        case / f"{case.name}_flair.nii.gz", case / f"{case.name}_seg.nii.gz", out / "roi", settings
    )
    rows = [("phantom ROI", [SheetItem(roi.image[0], case.name, roi.spacing, roi.mask)])]
    written: list[SampleFiles] = []
    for number, class_name in enumerate(generator.classes):
        on_progress(Progress(2 + number, steps, f"sampling {class_name}"))
        samples = generator.sample(class_name, range(seed, seed + count))
        written += [write_synthetic(sample, out / "synthetic") for sample in samples]
        rows.append((f"synthetic {class_name}", sheet_items(samples)))
    sheet = out / CONTACT_SHEET
    contact_sheet(rows, sheet, title=f"{generator.name} and the phantom", synthetic=True)
    on_progress(Progress(steps, steps, "done"))
    return DemoResult(
        case, files.images[0], files.mask, tuple(written), sheet, generator.name,
        time.monotonic() - start,
    )  # fmt: skip
