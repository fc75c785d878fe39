"""What a planned study can show, in figures and in sentences."""

from collections.abc import Mapping
from typing import Any

from napari_tumor_synth.study.scale import Task
from napari_tumor_synth.study.statistics.power import (
    CASE_CORRELATION,
    POWER,
    READER_SD,
    answers_for_equivalence,
    many_readers,
    one_reader,
)


def power_of(cases: int, readers: int, margin: float, task: Task = "single") -> dict[str, Any]:
    """Return what so many readers and cases can show.

    Parameters
    ----------
    cases : int
        Answers of each reader about one generator, half of them to real cases (or to pairs); at
        least 2.
    readers : int
    margin : float
        From one half, within which accuracy counts as guessing; more than 0, less than 0.5.
    task : {"single", "2afc"}
    """
    alone = one_reader(cases, (margin,), task)
    found: dict[str, Any] = {
        "task": task,
        "cases": cases,
        "readers": readers,
        "margin": margin,
        "one_reader": {
            "interval_at_half": list(alone.interval),
            "detectable_accuracy": alone.detectable,
            "equivalence_power": alone.equivalence[margin],
            "cases_for_equivalence": answers_for_equivalence(margin, task),
        },
        "many_readers": None,
    }
    if readers > 1:
        together = many_readers(readers, cases, (margin,), task)
        found["many_readers"] = {
            "half_width": together.half_width,
            "equivalence_power": together.equivalence[margin],
            "random_readers": together.random_readers,
            "assumed_reader_sd": READER_SD if together.random_readers else None,
            "assumed_case_correlation": CASE_CORRELATION,
        }
    return found


def design_lines(answers: int, readers: int, margin: float, task: Task) -> list[str]:
    """Return in two sentences what so many answers of so many readers can show."""
    one = one_reader(answers, (margin,), task)
    low, high = one.interval
    lines = [
        f"One reader with {answers} answers: interval {low:.2f} to {high:.2f} if half are right"
        + (f"; finds an accuracy of {one.detectable:.2f}." if one.detectable else ".")
    ]
    if readers > 1:
        many = many_readers(readers, answers, (margin,), task)
        lines.append(
            f"Mean of {readers}: about ± {many.half_width:.2f}; that guessing readers guess (± "
            f"{margin:g}) is shown with {100 * many.equivalence[margin]:.0f} % power."
        )
    return lines


def power_lines(found: Mapping[str, Any]) -> list[str]:
    """Return what `power_of` found, in sentences."""
    one, many, margin = found["one_reader"], found["many_readers"], found["margin"]
    low, high = one["interval_at_half"]
    least = one["detectable_accuracy"]
    needed = one["cases_for_equivalence"]
    lines = [
        f"One reader, {found['cases']} cases: if half of the answers are right, the exact 95 % "
        f"interval is {low:.2f} to {high:.2f}.",
        "No accuracy is found reliably with so few."
        if least is None
        else f"An accuracy of {least:.2f} is told from guessing with {100 * POWER:g} % power.",
        f"That a guessing reader is within {margin:g} of one half is shown with "
        f"{100 * one['equivalence_power']:.0f} % power"
        + ("." if needed is None else f"; {100 * POWER:g} % takes {needed} cases."),
    ]
    if many is not None:
        lines.append(
            f"Mean of {found['readers']} readers: 95 % interval of about ± "
            f"{many['half_width']:.3f}; guessing within {margin:g} is shown with "
            f"{100 * many['equivalence_power']:.0f} % "
            f"power (assumed: {_spread(many)}answers of two readers to one case correlate by "
            f"{CASE_CORRELATION:g})."
        )
    if found["task"] == "single":
        lines.append(
            "To guess takes accuracy and the area under the ROC curve within the margin (assumed: "
            "the six degrees are given equally often)."
        )
    lines.append(
        "A result that does not differ significantly from guessing proves nothing by itself."
    )
    return lines


def _spread(many: Mapping[str, Any]) -> str:
    if not many["random_readers"]:
        return "these readers alone, as there are fewer than five; "
    return f"true accuracies of readers spread by {READER_SD:g}, "
