"""What a reading goes through, step by step: training cases, cases, breaks."""

from dataclasses import dataclass
from typing import Literal

from napari_tumor_synth.study.study_file import Presentation, StudyFile


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a reading.

    Attributes
    ----------
    kind : {"training", "case", "break"}
    block : int
        From 0; of a break, the block before it. Training is block -1.
    place : int
        Which training case, or which scored case, from 0; of a break, how many cases are done.
    presentation : Presentation or None
        None of a break.
    truth : str
        Of a training case: see `TrainingCase`; else empty.
    """

    kind: Literal["training", "case", "break"]
    block: int
    place: int
    presentation: Presentation | None = None
    truth: str = ""


def steps_of(study: StudyFile, reader: str) -> tuple[Step, ...]:
    """Return the steps of a reader, in order.

    Raises
    ------
    StudyError
        The study has no such reader.
    """
    plan = study.plan_of(reader)
    steps = [
        Step("training", -1, number, case.presentation, case.answer)
        for number, case in enumerate(study.training)
    ]
    if steps:
        steps.append(Step("break", -1, 0))
    done = 0
    for block, presentations in enumerate(plan.blocks):
        if block:
            steps.append(Step("break", block - 1, done))
        for presentation in presentations:
            steps.append(Step("case", block, done, presentation))
            done += 1
    return tuple(steps)
