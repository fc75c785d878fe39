"""`tumor-synth train`: both stages of a generator, by a recipe."""

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from napari_tumor_synth.cli.console import JsonOption, messages, progress_bar, report


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train")(train)


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe file (TOML), or the name of one.")],
    data: Annotated[Path, typer.Option(help="Cache made by `tumor-synth prepare`.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped run.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    max_minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Save and stop after this time.")
    ] = None,
    save_minutes: Annotated[float, typer.Option(min=0, help="Time between states.")] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Train autoencoder and transformer; stop it at any time and go on with --resume.

    Example: tumor-synth train vqgan-small-64 --data cache --out runs/first
    """
    from napari_tumor_synth.training.train import train_generator

    signal.signal(signal.SIGTERM, _interrupt)
    with progress_bar("Training") as on_progress:
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
    if not outcome.finished:
        messages.print("The time is up; go on with --resume.")
    checkpoint = str(outcome.checkpoint) if outcome.checkpoint else None
    report(
        {"run": str(out), "finished": outcome.finished, "checkpoint": checkpoint},
        as_json=as_json,
        lines=[f"{out}: {'finished, ' + str(checkpoint) if outcome.finished else 'not finished'}"],
    )


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
