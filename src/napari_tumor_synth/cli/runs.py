"""`tumor-synth runs`: the trainings there are, and where each stands."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_tumor_synth.cli.console import JsonOption, report

if TYPE_CHECKING:
    from napari_tumor_synth.training.runs.status import RunSummary

_FIGURES = 4


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("runs")(runs)


def runs(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of runs, or one run; default: your own runs.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List trainings with their state; a single run is shown with the end of its log.

    States: running; stopped (on request, or because its time was up); failed; interrupted (its
    process, or the machine, died); finished. All but running and finished ones go on with
    `tumor-synth train --resume RUN`.

    Example: tumor-synth runs

    Example: tumor-synth runs my-runs/first --json
    """
    from napari_tumor_synth.errors import TrainingError
    from napari_tumor_synth.folders import user_runs_folder
    from napari_tumor_synth.training.runs.record import is_run
    from napari_tumor_synth.training.runs.status import find_runs, log_tail

    root = folder or user_runs_folder()
    if folder is not None and not folder.is_dir():
        raise TrainingError(f"There is no folder {folder}.", "Name a folder of trainings.")
    found = find_runs(root)
    lines = [line for run in found for line in _lines(run)]
    if is_run(root):
        lines += ["", *log_tail(root, 20)]
    elif not found:
        lines = [f"There are no trainings in {root}."]
    report({"runs": [_record(run) for run in found]}, as_json=as_json, lines=lines)


def _lines(run: "RunSummary") -> list[str]:
    status = run.status
    at = f", {status.stage} {_place(run)}" if status.stage else ""
    then = f", then {', '.join(run.stages_left)}" if run.stages_left else ""
    when = f", {_left(status.seconds_left)}" if run.state == "running" else f", {_age(status)}"
    indented = [
        _figures({**status.figures, **status.review}),
        *(f"alarm: {alarm.sentence} {alarm.remedy}" for alarm in status.alarms),
        status.error,
        str(run.folder),
    ]
    head = f"{run.name or run.folder.name}  {run.state}{at}{when}{then}"
    return [head, *(f"    {line}" for line in indented if line)]


def _place(run: "RunSummary") -> str:
    step, total = run.status.step, run.status.total
    return f"{step}/{total} ({100 * run.fraction:.0f} %)" if total else ""


def _left(seconds: float | None) -> str:
    return f"about {_duration(seconds)} left" if seconds is not None else "time left not known yet"


def _age(status: Any) -> str:
    try:
        then = datetime.fromisoformat(status.updated)
        return f"{_duration((datetime.now(UTC) - then).total_seconds())} ago"
    except (ValueError, TypeError):
        return "time unknown"


def _duration(seconds: float) -> str:
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(0, seconds):.0f} s"


def _figures(figures: Mapping[str, float]) -> str:
    """Return those that tell most: of the review, and the loss."""
    first = [name for name in figures if name.startswith("validation")] + ["loss"]
    chosen = [name for name in first if name in figures][:_FIGURES]
    return ", ".join(f"{name} {figures[name]:.4g}" for name in chosen)


def _record(run: "RunSummary") -> dict[str, Any]:
    status = run.status
    return {
        "run": str(run.folder),
        "name": run.name,
        "state": run.state,
        "stage": status.stage,
        "step": status.step,
        "total": status.total,
        "percent": round(100 * run.fraction, 1),
        "stages_left": list(run.stages_left),
        "seconds_left": status.seconds_left if run.state == "running" else None,
        "started": status.started,
        "updated": status.updated,
        "message": status.message,
        "figures": _finite({**status.figures, **status.review}),
        "alarms": [alarm.model_dump() for alarm in status.alarms],
        "skipped": status.skipped,
        "error": status.error,
        "checkpoint": str(run.checkpoint) if run.checkpoint else None,
    }


def _finite(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}
