"""`tumor-synth roi`: the region of interest that the models work on."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, OverwriteOption, report, warn
from napari_tumor_synth.cli.options import (
    LabelsOption,
    SizeOption,
    SpacingOption,
    parse_labels,
    parse_sequences,
)


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("roi")(crop_roi)


def crop_roi(
    image: Annotated[Path, typer.Argument(help="MRI: NIfTI, NRRD or MetaImage.")],
    segmentation: Annotated[Path, typer.Argument(help="Its segmentation, on the same grid.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    size: SizeOption = 128,
    spacing: SpacingOption = 1.0,
    labels: LabelsOption = "",
    sequence: Annotated[str, typer.Option(help="Name of the image's sequence.")] = "flair",
    more: Annotated[
        list[str] | None, typer.Option("--add", help="One more sequence, e.g. t1ce=FILE; repeat.")
    ] = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Crop, mask and normalise the tumour: one box, centred on the segmentation.

    Writes IMAGE_roi.nii.gz (background -1, tumour -0.9 to 1, in the image's world coordinates),
    IMAGE_mask.nii.gz and IMAGE_roi.json. Another ROI of that name is kept unless --overwrite.

    Example: tumor-synth roi case_flair.nii.gz case_seg.nii.gz --out rois
    """
    from napari_tumor_synth.workflows.roi import roi_settings, save_roi_of_case

    settings = roi_settings(size, spacing, parse_labels(labels))
    images = {sequence: image, **parse_sequences(more or [], besides=sequence)}
    roi, files = save_roi_of_case(images, segmentation, out, settings, overwrite=overwrite)
    for warning in roi.warnings:
        warn(warning)
    window = roi.windows[0]
    report(
        {
            "roi": str(files.images[0]),
            "mask": str(files.mask),
            "shape": list(roi.shape),
            "spacing_mm": list(roi.spacing),
            "lost_fraction": roi.lost_fraction,
            "intensity_window": [window.low, window.high],
            "record": str(files.sidecar),
            "channels": [
                {"sequence": name, "roi": str(path), "intensity_window": [one.low, one.high]}
                for name, path, one in zip(roi.sequences, files.images, roi.windows, strict=True)
            ],
        },
        as_json=as_json,
        lines=[
            *(f"ROI   {path}" for path in files.images),
            f"mask  {files.mask}",
            f"{roi.volume_ml:.1f} ml tumour, {100 * roi.lost_fraction:.1f} % outside the box; "
            f"intensities {window.low:.4g} to {window.high:.4g} shown as -0.9 to 1",
        ],
    )
