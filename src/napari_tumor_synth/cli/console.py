"""What all verbs share: where output goes, how progress is drawn, how failures end."""

import json
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.progress import Cancelled, OnProgress, Progress, ignore_progress

EXIT_BAD_INPUT = 2
EXIT_CANCELLED = 130
_SECONDS_BETWEEN_LINES = 60.0

# typer may or may not bring its own copy of click, so the class is found instead of imported
_UsageError: type[Any] = typer.BadParameter.__mro__[1]

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout; messages go to stderr.")
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace files that are something else.")
]

messages = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass
class _Talk:
    quiet: bool = False


talk = _Talk()
"""Whether summaries and progress are wanted; warnings and errors always are."""


def report(result: dict[str, Any], *, as_json: bool, lines: Sequence[str]) -> None:
    """Print the outcome of a verb: the object with ``--json``, otherwise lines for a person."""
    if as_json:  # plain ASCII: file names of any encoding pass through any terminal
        sys.stdout.write(json.dumps(result, allow_nan=False) + "\n")
    elif not talk.quiet:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def note(text: str) -> None:
    """Tell something on stderr."""
    messages.print(text, markup=False)


def tell(text: str) -> None:
    """Tell something on stderr that --quiet leaves out."""
    if not talk.quiet:
        note(text)


def warn(text: str) -> None:
    """Warn on stderr."""
    messages.print(f"[yellow]Warning:[/] {escape(text)}")


@contextmanager
def progress_bar(label: str) -> Iterator[OnProgress]:
    """Draw a bar on a terminal; into a file, write a line a minute."""
    if talk.quiet:
        yield ignore_progress
    elif messages.is_terminal:
        with _bar() as bar:
            task = bar.add_task(label, total=None, detail="")

            def draw(progress: Progress) -> None:
                step, total = progress.step, progress.total
                bar.update(task, completed=step, total=total, detail=progress.message)

            yield draw
    else:
        yield _line_a_minute(label)


@contextmanager
def stop_at_a_step(listener: OnProgress) -> Iterator[OnProgress]:
    """Let the first Ctrl-C or SIGTERM stop the work at the end of a step, a second one at once."""
    stopping = threading.Event()

    def on_signal(signal_number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    def on_progress(progress: Progress) -> None:
        listener(progress)
        if stopping.is_set():
            raise Cancelled

    with _handling(on_signal, signal.SIGINT, signal.SIGTERM):
        yield on_progress


def run_face(face: Callable[[], Any], *, debug: Callable[[], bool]) -> int:
    """Run the command line and turn every foreseen failure into a sentence and an exit code.

    Returns
    -------
    int
        0; 2 for bad input, results that cannot be written, or want of memory; 130 when stopped by
        Ctrl-C or SIGTERM. What nobody foresaw is raised.
    """
    try:
        with _handling(_interrupt, signal.SIGTERM):  # clean up as for Ctrl-C
            code = face() or 0
        sys.stdout.flush()  # now, where it is known what a reader that has gone means
    except _UsageError as error:
        return _usage(error)
    except BrokenPipeError:  # the reader, such as `head`, has enough
        sys.stdout = None  # or python complains once more when it closes it
        return 1
    except (TumorSynthError, OSError, MemoryError) as error:
        if debug():
            traceback.print_exc()
        messages.print(f"[bold red]Error:[/] {escape(_sentence(error))}")
        return EXIT_BAD_INPUT
    except (Cancelled, KeyboardInterrupt):
        code = EXIT_CANCELLED
    if code == EXIT_CANCELLED:
        note("Cancelled.")
    return int(code)


def _sentence(error: Exception) -> str:
    if isinstance(error, TumorSynthError):
        return str(error)
    if isinstance(error, MemoryError):
        return (
            "There is not enough memory. Close other programs; where the verb has --size, --count "
            "or --workers, smaller ones need less."
        )
    assert isinstance(error, OSError)
    where = f"{error.filename}: " if error.filename else ""
    reason = error.strerror or str(error)
    return f"{where}{reason}. Check that the path exists, may be used, and has free space."


def _usage(error: Any) -> int:
    """Show what is wrong with the arguments, or the help where there are none."""
    text = str(error.format_message()).strip()
    if error.ctx is None or "\n" in text or not text:
        error.show()
        return EXIT_BAD_INPUT
    command = error.ctx.command_path
    text = text if text[-1] in ".!?" else f"{text}."
    messages.print(f"[bold red]Error:[/] {escape(text)} {escape(f'See `{command} --help`.')}")
    return EXIT_BAD_INPUT


@contextmanager
def _handling(
    handler: Callable[[int, FrameType | None], None], *signals: signal.Signals
) -> Iterator[None]:
    """Handle signals for a while; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _bar() -> Bar:
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        console=messages,
        transient=True,
    )


def _line_a_minute(label: str) -> OnProgress:
    last = time.monotonic()

    def write(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last < _SECONDS_BETWEEN_LINES:
            return
        last = time.monotonic()
        note(f"{label}: {progress.step}/{progress.total} {progress.message}")

    return write
