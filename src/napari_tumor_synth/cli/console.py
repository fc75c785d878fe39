"""What all verbs share: where output goes, how progress is drawn, how failures end."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.progress import OnProgress, Progress

EXIT_BAD_INPUT = 2
EXIT_CANCELLED = 130

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout; messages go to stderr.")
]

messages = Console(stderr=True, highlight=False, soft_wrap=True)


def report(result: dict[str, Any], *, as_json: bool, lines: list[str]) -> None:
    """Print the outcome of a verb: the object with ``--json``, otherwise lines for a person."""
    if as_json:
        sys.stdout.write(json.dumps(result, ensure_ascii=False, allow_nan=False) + "\n")
        return
    plain = Console(highlight=False, soft_wrap=True)
    for line in lines:
        plain.print(line, markup=False)


@contextmanager
def progress_bar(label: str) -> Iterator[OnProgress]:
    """Draw a bar on stderr from the progress that a service reports."""
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        console=messages,
        transient=True,
    )
    with bar:
        task = bar.add_task(label, total=None, detail="")

        def on_progress(progress: Progress) -> None:
            bar.update(task, completed=progress.step, total=progress.total, detail=progress.message)

        yield on_progress


def run_face(face: Callable[[], Any], *, debug: Callable[[], bool]) -> int:
    """Run the command line and turn every foreseen failure into a sentence and an exit code.

    Returns
    -------
    int
        0, 2 for a `TumorSynthError`, 130 when interrupted.
    """
    try:
        face()
    except TumorSynthError as error:
        if debug():
            raise
        messages.print(f"[bold red]Error:[/] {_escaped(str(error))}")
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        messages.print("Cancelled.")
        return EXIT_CANCELLED
    return 0


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
