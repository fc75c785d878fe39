"""`tumor-synth reconstruct` and `tumor-synth importance`: what a model makes of an ROI."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, OverwriteOption, report, warn
from napari_tumor_synth.cli.options import DeviceOption, ModelOption

RoiArgument = Annotated[
    Path,
    typer.Argument(
        help="A saved or generated ROI (NIfTI), or its JSON when it has several sequences."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("reconstruct")(reconstruct)
    app.command("importance")(importance)


def reconstruct(
    roi: RoiArgument,
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: ROI_reconstruction.nii.gz.")
    ] = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Encode and decode an ROI on the model's grid, and say how much was lost.

    An earlier reconstruction of this ROI by this model is replaced, other files are not.

    Example: tumor-synth reconstruct rois/case_flair_roi.nii.gz
    """
    from napari_tumor_synth.workflows.inspect_roi import reconstruct_roi

    result = reconstruct_roi(roi, out, model=model, device=device, overwrite=overwrite)
    for warning in result.warnings:
        warn(warning)
    fidelity = result.fidelity
    report(
        result.as_json(),
        as_json=as_json,
        lines=[
            *(f"reconstruction  {path}" for path in result.images),
            f"whole           {fidelity.psnr_db:.2f} dB, 3D-SSIM {fidelity.ssim:.3f}",
            f"foreground      {fidelity.foreground_psnr_db:.2f} dB, "
            f"3D-SSIM {fidelity.foreground_ssim:.3f}",
            f"with {result.model}, on its own grid",
        ],
    )


def importance(
    roi: RoiArgument,
    out: Annotated[Path, typer.Option(help="Image file of the scores to write, e.g. .nii.gz.")],
    model: ModelOption = None,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the importance scores of an ROI, on its own grid: 0 outside the tumour.

    They say what the auxiliary classifier weighted, not a probability of disease. Earlier scores
    of this ROI by this model are replaced, other files are not.

    Example: tumor-synth importance rois/case_flair_roi.nii.gz --out scores.nii.gz
    """
    from napari_tumor_synth.workflows.inspect_roi import importance_of_roi

    result = importance_of_roi(roi, out, model=model, device=device, overwrite=overwrite)
    for warning in result.warnings:
        warn(warning)
    lines = [
        f"scores  {result.image}",
        f"{result.lowest:.3f} to {result.highest:.3f} in the tumour, with {result.model}",
        result.caption,
    ]
    report(result.as_json(), as_json=as_json, lines=lines)
