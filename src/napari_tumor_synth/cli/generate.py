"""`tumor-synth generate`: new synthetic ROIs, or one made again."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_tumor_synth.cli.console import JsonOption, OverwriteOption, progress_bar, report, tell
from napari_tumor_synth.cli.options import DeviceOption, ModelOption, PrecisionOption

if TYPE_CHECKING:
    from napari_tumor_synth.workflows.copy_guard import GuardSettings, Withheld


_COPIES = (
    "{} of them too near to a real ROI, and written because of --allow-copies: not to be passed on "
    "as new."
)


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("generate")(generate)


def generate(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    class_name: Annotated[
        list[str] | None, typer.Option("--class", help="Class, e.g. LGG; may be repeated.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the first sample.", show_default="0")
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100_000,
            help="Samples of each class: seed, seed + 1, …",
            show_default="1",
        ),
    ] = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    decode: Annotated[str, typer.Option(help="auto, autoregressive or parallel.")] = "auto",
    temperature: Annotated[float | None, typer.Option(help="Below 1: more typical.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw among the k likeliest codes.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw among the likeliest codes of this probability.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Rounds of parallel decoding.")] = None,
    repeat: Annotated[
        Path | None, typer.Option("--from", help="Provenance JSON of a sample to make again.")
    ] = None,
    gallery: Annotated[
        Path | None,
        typer.Option(help="Gallery of real ROIs: samples that are copies of one are held back."),
    ] = None,
    transforms: Annotated[
        bool,
        typer.Option(
            "--transforms", help="Look for mirrored, turned and shifted copies too; seconds each."
        ),
    ] = False,
    allow_copies: Annotated[
        bool, typer.Option("--allow-copies", help="Write copies too; their records say so.")
    ] = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make synthetic ROIs: image, mask and provenance each, and one contact sheet.

    A sample depends on its own seed only (in one precision, on one kind of device), so the same
    sample is written again without asking, and so is the contact sheet of the last call. Files of
    another model, drawn by other options, in another precision, on another kind of device or by
    another version of PyTorch, are kept unless --overwrite.

    With --gallery each sample is compared with the real ROIs by exact 3D-SSIM. One that is nearer
    to a real ROI than real ROIs are to each other (p of at most 0.001) is not written. The record
    of the others tells verdict and score, and names the nearest real ROI by a pseudonym that
    `tumor-synth gallery resolve` understands.

    Example: tumor-synth generate --class LGG --seed 7 --count 4 --out samples

    Example: tumor-synth generate --from samples/synthetic_LGG_000008.json --out again
    """
    from napari_tumor_synth.workflows.generate import GenerationRequest, generate_to_folder
    from napari_tumor_synth.workflows.repeat import request_from_provenance

    options: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    options |= {"decode": None if decode == "auto" else decode, "steps": steps}
    given = {name: value for name, value in options.items() if value is not None}
    guard = _guard(gallery, transforms=transforms, allow_copies=allow_copies)
    if repeat is not None:
        options_given = given or precision != "auto"
        if class_name or options_given or seed is not None or count is not None:
            raise typer.BadParameter(
                "leave out --class, --seed, --count, --precision and options of decoding, because "
                "--from repeats a sample as it was.",
                param_hint="--from",
            )
        request = request_from_provenance(repeat, model=model, device=device)
    elif not class_name:
        raise typer.BadParameter(
            "name the class to generate, e.g. --class LGG; `tumor-synth models` lists them.",
            param_hint="--class",
        )
    else:
        first = seed or 0
        request = GenerationRequest(
            classes=tuple(dict.fromkeys(class_name)),
            seeds=range(first, first + (count or 1)),
            model=model,
            device=device,
            precision=precision,
            decoding=given,
        )
    with progress_bar("Generating") as on_progress:
        result = generate_to_folder(
            replace(request, guard=guard),
            out,
            overwrite=overwrite,
            on_progress=on_progress,
            on_plan=tell,
        )
    report(
        result.as_json(),
        as_json=as_json,
        lines=[
            *(f"{sample.class_name} {sample.seed}  {sample.image}" for sample in result.samples),
            *(f"withheld  {one.class_name} {one.seed}  {_why(one)}" for one in result.withheld),
            *([_COPIES.format(result.copies)] * bool(result.copies)),
            f"contact sheet  {result.contact_sheet}",
            f"{len(result.samples)} with {result.model} in {result.seconds:.1f} s. "
            "SYNTHETIC, not for clinical use.",
        ],
    )


def _guard(gallery: Path | None, *, transforms: bool, allow_copies: bool) -> "GuardSettings | None":
    from napari_tumor_synth.workflows.copy_guard import GuardSettings

    if gallery is not None:
        return GuardSettings(gallery, transforms=transforms, allow_copies=allow_copies)
    for name, given in {"--transforms": transforms, "--allow-copies": allow_copies}.items():
        if given:
            raise typer.BadParameter(
                "is about real ROIs: name their gallery with --gallery.", param_hint=name
            )
    return None


def _why(withheld: "Withheld") -> str:
    if withheld.earlier is None:
        return withheld.sentence
    return f"{withheld.sentence} An earlier call has written it: {withheld.earlier}"
