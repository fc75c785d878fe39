"""`tumor-synth gallery build` and `tumor-synth nearest`: real ROIs to look up."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, note, progress_bar, report
from napari_tumor_synth.cli.options import LabelsOption, WorkersOption, parse_labels, parse_names

if TYPE_CHECKING:
    from napari_tumor_synth.workflows.gallery import LookUp


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(
        no_args_is_help=True, help="Galleries of real ROIs, to look up the nearest."
    )
    group.command("build")(build)
    group.command("resolve")(resolve)
    app.add_typer(group, name="gallery")
    app.command("nearest")(nearest)


def build(
    cohort: Annotated[
        Path, typer.Argument(help="Prepared cohort, folder of cases (BraTS naming) or a CSV.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the gallery.")],
    size: Annotated[
        int | None, typer.Option(min=8, max=512, help="Edge of the box in voxels: 128.")
    ] = None,
    spacing: Annotated[
        float | None, typer.Option(min=0.1, max=10, help="Voxel edge in mm: 1.")
    ] = None,
    labels: LabelsOption = "",
    sequences: Annotated[str, typer.Option(help="Sequences, e.g. flair,t1ce: flair.")] = "",
    window: Annotated[str, typer.Option(help="uniform or gaussian: of the 3D-SSIM.")] = "uniform",
    transforms: Annotated[
        bool,
        typer.Option("--transforms", help="Prepare for nearest --transforms as well; minutes."),
    ] = False,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Index the real ROIs of a cohort; a stopped call goes on where it was.

    The gallery holds patient data, as the cohort does. A cohort that was prepared is indexed as it
    was cut; another is cut first. Synthetic images among the cases are refused.

    Example: tumor-synth gallery build cache --out gallery

    Example: tumor-synth gallery build BraTS2019 --out gallery --size 64 --spacing 2
    """
    from napari_tumor_synth.workflows.gallery import build_gallery_of
    from napari_tumor_synth.workflows.roi import roi_settings

    if window not in ("uniform", "gaussian"):
        raise typer.BadParameter(
            f"{window!r} is neither uniform nor gaussian.", param_hint="--window"
        )
    cut = size is not None or spacing is not None or labels
    settings = roi_settings(size or 128, spacing or 1.0, parse_labels(labels)) if cut else None
    with progress_bar("Building") as on_progress:
        gallery = build_gallery_of(
            cohort,
            out,
            settings=settings,
            sequences=parse_names(sequences) or None,
            window=window,  # type: ignore[arg-type]
            transforms=transforms,
            workers=workers,
            on_progress=on_progress,
        )
    patients = len(set(gallery.patients))
    same = [[gallery.entries[one].name for one in pair] for pair in gallery.same_tumours]
    report(
        {
            "gallery": str(out),
            "rois": len(gallery),
            "patients": patients,
            "size": list(gallery.plan.settings.size),
            "spacing_mm": gallery.plan.settings.spacing_mm,
            "sequences": list(gallery.plan.sequences),
            "definition": str(gallery.plan.definition),
            "patient_data": gallery.patient_data,
            "same_tumours": same,
        },
        as_json=as_json,
        lines=[
            f"{len(gallery)} ROIs of {patients} patients in {out}",
            str(gallery.plan.definition),
            *(f"{one} and {other} show the same tumour: one patient?" for one, other in same),
            *(["It holds PATIENT DATA: keep it as you keep the images."] * gallery.patient_data),
        ],
    )


def resolve(
    pseudonym: Annotated[
        str, typer.Argument(help='"nearest" in the "copy_check" of a synthetic ROI\'s JSON.')
    ],
    gallery: Annotated[Path, typer.Option(help="Folder of the gallery.")],
    as_json: JsonOption = False,
) -> None:
    """Tell which real ROI the record of a synthetic one means.

    Records name real ROIs by pseudonyms; the key to them lies in the gallery's folder alone.

    Example: tumor-synth gallery resolve 3f9a0c51d27be864 --gallery gallery
    """
    from napari_tumor_synth.evaluation.gallery import Gallery
    from napari_tumor_synth.evaluation.pseudonyms import Pseudonyms

    opened = Gallery.open(gallery)
    entry = opened.entries[Pseudonyms(opened).resolve(pseudonym)]
    report(
        {
            "case": entry.name,
            "patient": entry.patient,
            "class": entry.class_name,
            "split": entry.split,
        },
        as_json=as_json,
        lines=[f"{entry.name}  patient {entry.patient}  {entry.class_name}  {entry.split}"],
    )


def nearest(
    rois: Annotated[
        list[Path],
        typer.Argument(help="ROIs (NIfTI), or the JSON of those with several sequences."),
    ],
    gallery: Annotated[Path, typer.Option(help="Folder of the gallery.")],
    top: Annotated[int, typer.Option(min=1, help="How many real ROIs to list of each.")] = 5,
    transforms: Annotated[
        bool, typer.Option("--transforms", help="Try mirrored, turned and shifted ROIs as well.")
    ] = False,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the real ROIs that ROIs are most like, and say whether that is more than usual.

    Similarity is exact 3D-SSIM, of the whole ROI and of the foreground; the list is in the order of
    the latter. Copies are told with a false discovery rate of 5 % over the ROIs given together.

    Example: tumor-synth nearest samples/*_000007.nii.gz --gallery gallery
    """
    from napari_tumor_synth.evaluation.gallery import Gallery
    from napari_tumor_synth.workflows.gallery import look_up

    opened = Gallery.open(gallery)
    with progress_bar("Looking up") as on_progress:
        found = look_up(
            rois, opened, top=top, transforms=transforms, threads=workers, on_progress=on_progress
        )
    if not as_json:
        note(str(opened.plan.definition))
    report(
        {
            "definition": str(opened.plan.definition),
            "queries": [one.as_json() for one in found],
        },
        as_json=as_json,
        lines=[line for one in found for line in _lines(one)],
    )


def _lines(found: "LookUp") -> list[str]:
    rows = [
        f"  {match.entry.name}  {match.entry.class_name}  {match.entry.split}  "
        f"foreground {match.score.foreground:.4f}  whole {match.score.whole:.4f}"
        + (f"  {match.transform}" if str(match.transform) != "none" else "")
        for match in found.nearest.matches
    ]
    ratio = found.nearest.distance_ratio
    told = "" if ratio is None else f" Its distance is {ratio:.2f} of that to the next patient."
    return [
        f"{found.query}",
        *rows,
        f"  {found.verdict.sentence}{told}",
        f"  Searched: {found.nearest.searched}.",
    ]
