"""`tumor-synth train`: all stages of a generator, by a recipe."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import (
    EXIT_CANCELLED,
    JsonOption,
    note,
    progress_bar,
    report,
    stop_at_a_step,
)
from napari_tumor_synth.cli.options import DeviceOption
from napari_tumor_synth.progress import Cancelled


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train")(train)


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe file (TOML), or the name of one.")],
    data: Annotated[Path, typer.Option(help="Cache made by `tumor-synth prepare`.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped run.")] = False,
    device: DeviceOption = "auto",
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="Save and stop after this time.")
    ] = None,
    save_minutes: Annotated[float, typer.Option(min=0, help="Time between states.")] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Train autoencoder and transformer; stop it at any time and go on with --resume.

    Ctrl-C (or SIGTERM) saves the state after the present step; a second one stops at once, and
    the run goes on from the state before. The folder of the run holds curves, pictures, states
    and, at the end, checkpoint.safetensors; `tumor-synth generate --model RUN` uses it.

    Example: tumor-synth train vqgan-small-64 --data cache --out runs/first

    Example: tumor-synth train vqgan-small-64 --data cache --out runs/first --resume
    """
    from napari_tumor_synth.training.train import train_generator

    again = ["tumor-synth", "train", recipe, "--data", str(data), "--out", str(out), "--resume"]
    again += [] if device == "auto" else ["--device", device]
    go_on = f"Go on with: {shlex.join(again)}"
    try:
        with progress_bar("Training") as draw, stop_at_a_step(draw) as on_progress:
            outcome = train_generator(
                recipe,
                data,
                out,
                resume=resume,
                device=device,
                save_minutes=save_minutes,
                max_minutes=max_minutes,
                on_progress=on_progress,
            )
    except (Cancelled, KeyboardInterrupt):
        if (out / "run.json").is_file():
            note(f"The run is in {out}. {go_on}")
        raise typer.Exit(EXIT_CANCELLED) from None
    made = outcome.checkpoint
    checkpoint = str(made) if made else None
    if not outcome.finished:
        note(f"The time is up. {go_on}")
    report(
        {"run": str(out), "finished": outcome.finished, "checkpoint": checkpoint},
        as_json=as_json,
        lines=[
            f"run         {out}",
            f"checkpoint  {checkpoint or 'not yet'}",
            *([f"try it      {shlex.join(_trial(out, made))}"] if made else []),
        ],
    )


def _trial(run: Path, checkpoint: Path) -> list[str]:
    from napari_tumor_synth.generators.checkpoint import read_checkpoint

    first = str(read_checkpoint(checkpoint).settings["classes"][0])
    return ["tumor-synth", "generate", "--model", str(run), "--class", first, "--out", "samples"]
