"""`tumor-synth train`: all stages of a generator, by a recipe."""

import shlex
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_tumor_synth.cli.console import (
    EXIT_CANCELLED,
    JsonOption,
    note,
    progress_bar,
    report,
    stop_at_a_step,
    talk,
)
from napari_tumor_synth.cli.training_options import machine_of, run_to_resume
from napari_tumor_synth.progress import Cancelled


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train")(train)


def train(
    recipe: Annotated[
        str | None,
        typer.Argument(help="A recipe file (TOML), or the name of one; with --resume, a run."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder or CSV of cases, or a cache made by `tumor-synth prepare`."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; default: a new one of your own.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped run.")] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting of the recipe, e.g. seed=3; repeatable."),
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = None,
    devices: Annotated[int | None, typer.Option(min=1, help="Devices of each node.")] = None,
    nodes: Annotated[int | None, typer.Option(min=1, help="Machines that share the work.")] = None,
    strategy: Annotated[str | None, typer.Option(help="How they share it: auto, ddp.")] = None,
    micro_batch: Annotated[
        int | None, typer.Option(min=1, help="ROIs at a time on a device; default: what fits.")
    ] = None,
    checkpoint_activations: Annotated[
        Literal["auto", "on", "off"] | None,
        typer.Option(help="Save memory for more time."),
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="Save and stop after this time.")
    ] = None,
    save_minutes: Annotated[
        float | None, typer.Option(min=0, help="Time between states; default: 10.")
    ] = None,
    keep_states: Annotated[
        int | None, typer.Option(min=1, help="Last states that are kept; default: 2.")
    ] = None,
    review_steps: Annotated[
        int | None, typer.Option(min=1, help="Steps between reviews; default: 500.")
    ] = None,
    accept_changed_code: Annotated[
        bool, typer.Option("--accept-changed-code", help="Go on though the program has changed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train autoencoder and transformer; stop it at any time and go on with --resume.

    A cohort is prepared first, into the program's cache. Ctrl-C (or SIGTERM, or a file called
    stop in the run's folder) saves the state after the present step; a second one stops at once,
    and the run goes on from the state before. The folder of the run holds curves, pictures, log,
    states and, at the end, checkpoint.safetensors; `tumor-synth generate --model RUN` uses it.

    Example: tumor-synth train vqgan-cond-small --data BraTS2019 --out runs/first

    Example: tumor-synth train vqgan-cond-small --data cache --set token_training.top_k=0.5

    Example: tumor-synth train --resume
    """
    from napari_tumor_synth.training.recipes.changes import override, parse_change
    from napari_tumor_synth.training.recipes.files import load_recipe
    from napari_tumor_synth.training.runs.leader import is_leader
    from napari_tumor_synth.training.runs.record import is_run, read_place
    from napari_tumor_synth.training.train import train_generator

    named_out = out is not None or (resume and recipe is not None)
    run, known = out, None
    if resume:
        run, recipe = run_to_resume(recipe, out)
        known = read_place(run)
    elif recipe is None or data is None:
        raise typer.BadParameter("Name a recipe and --data, or go on with a run by --resume")
    if changes and recipe is None:
        raise typer.BadParameter("A run that is resumed keeps its recipe", param_hint="--set")
    chosen = load_recipe(recipe) if recipe is not None else None
    if chosen is not None and changes:
        chosen = override(chosen, dict(parse_change(text) for text in changes))
    machine = machine_of(
        known.machine if known else None,
        {
            "device": device,
            "devices": devices,
            "nodes": nodes,
            "strategy": strategy,
            "micro_batch": micro_batch,
            "checkpoint_activations": checkpoint_activations,
        },
    )
    if machine is not None and machine.devices * machine.nodes > 1 and not named_out:
        raise typer.BadParameter(
            "Several devices need the folder named, the same for each process", param_hint="--out"
        )
    leads = machine is None or is_leader(machine)
    talk.quiet = talk.quiet or not leads
    if run is None:
        assert chosen is not None
        run = _new_folder(chosen.name)
        note(f"The run is kept in {run}.")
    go_on = f"Go on with: {shlex.join(['tumor-synth', 'train', '--resume', str(run)])}"
    try:
        with progress_bar("Training") as draw, stop_at_a_step(draw) as on_progress:
            outcome = train_generator(
                chosen,
                data,
                run,
                resume=resume,
                machine=machine,
                save_minutes=save_minutes,
                max_minutes=max_minutes,
                review_steps=review_steps,
                kept_states=keep_states,
                accept_changed_code=accept_changed_code,
                on_progress=on_progress,
            )
    except (Cancelled, KeyboardInterrupt):
        if is_run(run):
            note(f"The run is in {run}. {go_on}")
        # any other code of theirs would make lightning end the first process, which may still save
        raise typer.Exit(EXIT_CANCELLED if leads else 0) from None
    if not leads:  # the first process speaks for all
        return
    made = outcome.checkpoint
    checkpoint = str(made) if made else None
    if not outcome.finished:
        note(f"The run stopped: {outcome.stopped}. {go_on}")
    report(
        {"run": str(run), "finished": outcome.finished, "checkpoint": checkpoint},
        as_json=as_json,
        lines=[
            f"run         {run}",
            f"checkpoint  {checkpoint or 'not yet'}",
            *([f"try it      {shlex.join(_trial(run, made))}"] if made else []),
        ],
    )


def _new_folder(recipe: str) -> Path:
    from napari_tumor_synth.folders import user_runs_folder

    begun = f"{recipe}-{datetime.now():%Y%m%d-%H%M%S}"
    names = chain([begun], (f"{begun}-{number}" for number in count(2)))
    return next(path for name in names if not (path := user_runs_folder() / name).exists())


def _trial(run: Path, checkpoint: Path) -> list[str]:
    from napari_tumor_synth.generators.checkpoint import read_checkpoint

    first = str(read_checkpoint(checkpoint).settings["classes"][0])
    return ["tumor-synth", "generate", "--model", str(run), "--class", first, "--out", "samples"]
