"""`tumor-synth generate`: new synthetic ROIs, or one made again."""

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_tumor_synth.cli.console import JsonOption, progress_bar, report


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("generate")(generate)


def generate(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    class_name: Annotated[str, typer.Option("--class", help="Class, e.g. LGG.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the first sample.")] = 0,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Samples: seed, seed+1, …")] = 1,
    model: Annotated[
        str | None, typer.Option(help="Name in the catalogue, checkpoint file or run folder.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
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
    as_json: JsonOption = False,
) -> None:
    """Make synthetic ROIs: image, mask and provenance each, and one contact sheet.

    A sample depends on its own seed only.

    Example: tumor-synth generate --class LGG --seed 7 --count 4 --out samples
    """
    from napari_tumor_synth.workflows.generate import (
        GenerationRequest,
        generate_to_folder,
        request_from_provenance,
    )

    chosen: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    chosen |= {"decode": None if decode == "auto" else decode, "steps": steps}
    given = {name: value for name, value in chosen.items() if value is not None}
    if repeat is not None:
        if class_name or given:
            raise typer.BadParameter(
                "--from repeats a sample as it was: leave out class and decoding options.",
                param_hint="--from",
            )
        request = request_from_provenance(repeat, model=model, device=device)
    elif not class_name:
        raise typer.BadParameter("name the class to generate.", param_hint="--class")
    else:
        request = GenerationRequest(
            class_name=class_name,
            seeds=range(seed, seed + count),
            model=model,
            device=device,
            decoding=given,
        )
    with progress_bar("Generating") as on_progress:
        result = generate_to_folder(request, out, on_progress=on_progress)
    report(
        result.as_json(),
        as_json=as_json,
        lines=[
            *(f"{sample.class_name} {sample.seed}  {sample.image}" for sample in result.samples),
            f"contact sheet  {result.contact_sheet}",
            f"{result.seconds:.1f} s with {result.model}. SYNTHETIC, not for clinical use.",
        ],
    )
