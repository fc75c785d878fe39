"""`tumor-synth reconstruct` and `tumor-synth importance`: what a model makes of an ROI."""

from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, report

RoiArgument = Annotated[Path, typer.Argument(help="A saved ROI (NIfTI).")]
ModelOption = Annotated[str | None, typer.Option(help="Name in the catalogue, file or run folder.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("reconstruct")(reconstruct)
    app.command("importance")(importance)


def reconstruct(
    roi: RoiArgument,
    out: Annotated[Path | None, typer.Option(help="File to write; default: beside it.")] = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Encode and decode an ROI on the model's grid, and say how much was lost.

    Example: tumor-synth reconstruct rois/case_roi.nii.gz
    """
    from napari_tumor_synth.workflows.inspect_roi import reconstruct_roi

    result = reconstruct_roi(roi, out, model=model, device=device)
    report(
        result.as_json(),
        as_json=as_json,
        lines=[
            f"{result.image}",
            f"whole      {result.fidelity.psnr_db:.2f} dB, 3D-SSIM {result.fidelity.ssim:.3f}",
            f"foreground {result.fidelity.foreground_psnr_db:.2f} dB, "
            f"3D-SSIM {result.fidelity.foreground_ssim:.3f}",
        ],
    )


def importance(
    roi: RoiArgument,
    out: Annotated[Path, typer.Option(help="NIfTI file of the scores to write.")],
    model: ModelOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Write the importance scores of an ROI, on its own grid.

    Example: tumor-synth importance rois/case_roi.nii.gz --out scores.nii.gz
    """
    from napari_tumor_synth.workflows.inspect_roi import importance_of_roi

    result = importance_of_roi(roi, out, model=model, device=device)
    report(result.as_json(), as_json=as_json, lines=[f"{result.image}", result.caption])
