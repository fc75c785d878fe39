"""How a run ends, in words: for its status, its log and whoever started it."""

from collections.abc import Iterator
from contextlib import contextmanager

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.progress import Cancelled
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.stopping import StopAsked, TimeIsUp

_STOPS: dict[type[BaseException], str] = {
    StopAsked: "it was asked to stop",
    TimeIsUp: "its time is up",
    Cancelled: "it was cancelled",
    KeyboardInterrupt: "it was interrupted",
}


@contextmanager
def reported(folder: RunFolder) -> Iterator[None]:
    """Write into status and log how the run ends."""
    reporter = folder.reporter
    try:
        yield
    except tuple(_STOPS) as stop:
        reporter.change(f"stopped: {why(stop)}", state="stopped", seconds_left=None)
        if folder.writes:
            folder.stop_file.unlink(missing_ok=True)
        raise
    except Exception as error:
        reporter.fail(sentence(error))
        raise
    reporter.change("finished", state="finished", stage="", seconds_left=None)


def why(stop: BaseException) -> str:
    """Return why a run stopped that has not failed."""
    return next(words for kind, words in _STOPS.items() if isinstance(stop, kind))


def sentence(error: Exception) -> str:
    """Return an error as a sentence."""
    if isinstance(error, TumorSynthError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}."
    return f"An unforeseen {type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
