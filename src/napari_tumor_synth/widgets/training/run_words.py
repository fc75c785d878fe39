"""Where a run stands, in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_tumor_synth.errors import TumorSynthError

if TYPE_CHECKING:
    from napari_tumor_synth.training.runs.status import RunSummary
    from napari_tumor_synth.workflows.follow_run import RunView
    from napari_tumor_synth.workflows.training_forecast import Forecast

_CHANGED_CODE = "--accept-changed-code"
_CONTROLS = {
    f"with {_CHANGED_CODE}": "by “Resume anyway”",
    "with --name, or replace it with --overwrite": "beside “Add to Generate”",
    "with --name": "beside “Add to Generate”",
    "with --resume": "by “Resume”",
    "by --resume": "by “Resume”",
}
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
_ENOUGH_DISK = 1.1


def in_a_window(error: TumorSynthError) -> TumorSynthError:
    """Return an error whose remedy names controls of the panel, not options of the command."""
    text = str(error)
    for option, control in _CONTROLS.items():
        text = text.replace(option, control)
    return error if text == str(error) else TumorSynthError(text, "")


def needs_changed_code(error: TumorSynthError) -> bool:
    """Tell whether a run was not gone on with because the program has changed."""
    return _CHANGED_CODE in str(error)


def headline(view: RunView) -> str:
    """Return the state, how far it is and how long it will take."""
    run = view.summary
    status = run.status
    if view.stopping:
        return f"Stopping after this step… ({place(run)})"
    if run.state == "running":
        parts = [place(run) or status.message or "getting ready"]
        if status.seconds_left is not None and status.stage:
            parts.append(f"about {duration(status.seconds_left)} left in this stage")
        parts += [f"then {', '.join(run.stages_left)}"] if run.stages_left else []
        return f"Running: {', '.join(parts)}."
    if run.state == "finished":
        return "Finished: all stages have come to their end."
    at = f" at {place(run)}" if place(run) else ""
    if run.state == "interrupted":
        return (
            f"Interrupted{at}: its process ended without a word, or the machine did. "
            "Resume goes on from the state that was saved last."
        )
    if run.state == "failed":
        return f"Failed{at}. {status.error}"
    return f"Stopped{at}. Resume goes on from there."


def place(run: RunSummary) -> str:
    """Return stage and step, such as "autoencoder, step 1,200 of 4,000"."""
    status = run.status
    if not status.stage:
        return ""
    if not status.total:
        return status.stage
    return f"{status.stage}, step {status.step:,} of {status.total:,}"


def in_a_line(run: RunSummary) -> str:
    """Return what a list shows of a run."""
    state = str(run.state)
    if run.state == "running" and run.status.total:
        state = f"{run.status.stage} {100 * run.fraction:.0f} %"
    return f"{run.folder.name}: {state}"


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for size, name in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(0.0, seconds):.0f} s"


def size(count: float) -> str:
    """Return bytes as GB or MB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"


def forecast_text(told: Forecast) -> str:
    """Return what a training will take, and what will be in its way."""
    where = "" if told.device == "cpu" else f" on {told.device}"
    parts = [f"about {size(told.memory)} of memory{where} (of {size(told.free_memory)} free)"]
    if told.micro_batch < told.batch:
        parts.append(f"micro-batches of {told.micro_batch}")
    if told.recompute:
        parts.append("activations computed again, which takes longer")
    parts.append(f"up to {size(told.disk)} of disk")
    if told.rois:
        parts.append(f"{told.rois['train']} ROIs to learn from, {told.rois['validation']} held out")
    else:
        parts.append(f"{_cases(told.cases)} to prepare first")
    text = f"Takes {', '.join(parts)}."
    if told.left_out:
        verb = "is" if told.left_out == 1 else "are"
        text += f" {_cases(told.left_out, 'incomplete ')} {verb} left out."
    if told.disk * _ENOUGH_DISK > told.free_disk:
        text += f"\n⚠ Only {size(told.free_disk)} of disk are free there. Choose another folder."
    return text


def _cases(count: int, kind: str = "") -> str:
    return f"{count} {kind}{'case' if count == 1 else 'cases'}"
