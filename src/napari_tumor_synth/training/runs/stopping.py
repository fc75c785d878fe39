"""How a training is asked to stop, besides Ctrl-C: by a file in its folder, or by the clock."""

import math
import time

import torch
import torch.distributed as dist

from napari_tumor_synth.networks.ranks import summed_over_ranks
from napari_tumor_synth.progress import Cancelled, OnProgress, Progress
from napari_tumor_synth.training.runs.folder import RunFolder


class TimeIsUp(Exception):  # noqa: N818 - not a failure
    """The run used the time it was given; its state is saved."""


class StopAsked(Exception):  # noqa: N818 - not a failure
    """A file ``stop`` in the run's folder asked it to stop; its state is saved."""


def watched(folder: RunFolder, on_progress: OnProgress, deadline: float = math.inf) -> OnProgress:
    """Return a listener that also keeps the run's status, and stops the work when asked to.

    Parameters
    ----------
    folder : RunFolder
    on_progress : callable
        Told as well; may raise `Cancelled`.
    deadline : float
        Value of `time.monotonic` after which the listener raises `TimeIsUp`.
    """

    def listen(progress: Progress) -> None:
        folder.reporter.tell(message=progress.message, step=progress.step, total=progress.total)
        on_progress(progress)
        if not folder.writes:  # the first process decides for all
            return
        if folder.stop_file.exists():
            raise StopAsked
        if time.monotonic() > deadline:
            raise TimeIsUp

    return listen


def meet() -> None:
    """Wait for the other processes of a distributed run."""
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        dist.barrier()


def tell_all(on_progress: OnProgress, progress: Progress) -> None:
    """Report a step; when any process of a distributed run is asked to stop, all do.

    Raises
    ------
    Cancelled, StopAsked, TimeIsUp
        Whatever `on_progress` raised here, or `StopAsked` where another process was asked.
    """
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        on_progress(progress)
        return
    wish: Exception | None = None
    try:
        on_progress(progress)
    except (Cancelled, StopAsked, TimeIsUp) as asked:
        wish = asked
    place = "cuda" if dist.get_backend() == "nccl" else "cpu"
    wishes = summed_over_ranks(torch.tensor(float(wish is not None), device=place))
    if float(wishes) > 0:
        raise wish or StopAsked
