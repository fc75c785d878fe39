"""Read a case and cut its ROI, at 1 mm and at 2 mm."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from shared.measuring import begin, own_peak, parser, report, timed

from napari_tumor_synth.imaging.phantom.make import make_phantom
from napari_tumor_synth.imaging.phantom.settings import PhantomSettings
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.roi import RoiSettings, extract_roi
from napari_tumor_synth.imaging.writing import write_volume

BOXES = ((128, 1.0), (64, 2.0))


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "")
    options.add_argument("--image", type=Path, help="Default: a phantom.")
    options.add_argument("--segmentation", type=Path)
    arguments = options.parse_args(given)
    machine = begin(arguments)
    with tempfile.TemporaryDirectory() as folder:
        image, segmentation = arguments.image, arguments.segmentation
        if image is None or segmentation is None:
            image, segmentation = _phantom(Path(folder))
        volume, labels = read_image(image), read_segmentation(segmentation)
        reading = timed(
            lambda: (read_image(image), read_segmentation(segmentation)), arguments.repeats
        )
    boxes = {}
    for size, spacing in BOXES:
        settings = RoiSettings(size=(size, size, size), spacing_mm=spacing)
        boxes[f"{size}^3 at {spacing:g} mm"] = timed(
            lambda settings=settings: extract_roi({"flair": volume}, labels, settings),
            arguments.repeats,
        )
    report(
        {
            "benchmark": "roi_extraction",
            "machine": machine,
            "case": "given" if arguments.image else "phantom",
            "shape": list(volume.shape),
            "read": reading,
            "extract": boxes,
            # simulating the phantom takes more memory than reading and cutting
            "peak_mb": own_peak() if arguments.image else None,
        }
    )


def _phantom(folder: Path) -> tuple[Path, Path]:
    case = make_phantom("HGG", 1, PhantomSettings(sequences=("flair",)))
    image, segmentation = folder / "flair.nii.gz", folder / "seg.nii.gz"
    write_volume(case.images["flair"], image)
    write_volume(case.segmentation, segmentation)
    return image, segmentation


if __name__ == "__main__":
    main()
