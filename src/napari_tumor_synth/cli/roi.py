"""`tumor-synth roi`: the region of interest that the models work on."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, messages, report


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("roi")(crop_roi)


def crop_roi(
    image: Annotated[Path, typer.Argument(help="MRI: NIfTI, NRRD or MetaImage.")],
    segmentation: Annotated[Path, typer.Argument(help="Its segmentation, on the same grid.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    size: Annotated[int, typer.Option(min=8, max=512, help="Edge of the box in voxels.")] = 128,
    spacing: Annotated[float, typer.Option(min=0.1, max=20, help="Voxel edge in mm.")] = 1.0,
    labels: Annotated[
        str, typer.Option(help="Labels that count as tumour, e.g. 1,4; default: all.")
    ] = "",
    sequence: Annotated[str, typer.Option(help="Name of the sequence.")] = "flair",
    as_json: JsonOption = False,
) -> None:
    """Crop, mask and normalise the tumour: one box, centred on the segmentation.

    Example: tumor-synth roi case_flair.nii.gz case_seg.nii.gz --out rois
    """
    from napari_tumor_synth.imaging.roi import RoiSettings
    from napari_tumor_synth.workflows.roi import save_roi_of_case

    settings = RoiSettings(
        size=(size, size, size), spacing_mm=spacing, labels=_parse_labels(labels)
    )
    roi, files = save_roi_of_case(image, segmentation, out, settings, sequence=sequence)
    for warning in roi.warnings:
        messages.print(f"[yellow]Warning:[/] {warning}")
    window = roi.windows[0]
    report(
        {
            "roi": str(files.images[0]),
            "mask": str(files.mask),
            "shape": list(roi.shape),
            "spacing_mm": list(roi.spacing),
            "lost_fraction": roi.lost_fraction,
            "intensity_window": [window.low, window.high],
            "volume_ml": roi.volume_ml,
            "warnings": list(roi.warnings),
        },
        as_json=as_json,
        lines=[
            f"ROI   {files.images[0]}",
            f"mask  {files.mask}",
            f"{roi.volume_ml:.1f} ml tumour, {100 * roi.lost_fraction:.1f} % outside the box; "
            f"intensities {window.low:.4g} to {window.high:.4g} shown as -0.9 to 1",
        ],
    )


def _parse_labels(text: str) -> tuple[int, ...] | None:
    if not text.strip():
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a list of whole numbers such as 1,4.", param_hint="--labels"
        ) from None
