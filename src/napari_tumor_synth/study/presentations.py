"""What each reader is shown, under tokens: display copies, alone or in pairs, block by block."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from napari_tumor_synth.study.cases import StudyCase, truth_of
from napari_tumor_synth.study.design import StudyDesign
from napari_tumor_synth.study.ordering import OrderPlan, Placed, deal_to_blocks, order_of_reader
from napari_tumor_synth.study.pool import REAL, PoolRoi
from napari_tumor_synth.study.study_file import (
    Presentation,
    ReaderPlan,
    TrainingCase,
    new_token,
)


@dataclass
class Tokens:
    """Names of display copies, and what they are; a repeat of a case has another copy.

    Attributes
    ----------
    rois : dict of str to (PoolRoi, bool)
        By token: what is shown, and whether it is a repeat.
    """

    rois: dict[str, tuple[PoolRoi, bool]] = field(default_factory=dict)
    _of_rois: dict[tuple[int, bool], str] = field(default_factory=dict)
    _of_pairs: dict[tuple[int, bool], str] = field(default_factory=dict)

    def of(self, roi: PoolRoi, *, is_repeat: bool) -> str:
        """Return the token of an ROI's display copy."""
        known = id(roi), is_repeat
        if known not in self._of_rois:
            token = new_token()
            self._of_rois[known], self.rois[token] = token, (roi, is_repeat)
        return self._of_rois[known]

    def of_pair(self, case: StudyCase, *, is_repeat: bool) -> str:
        """Return the token of a pair."""
        return self._of_pairs.setdefault((id(case.rois[-1]), is_repeat), new_token())


def training_cases(
    design: StudyDesign,
    cases: Sequence[StudyCase],
    tokens: Tokens,
    rng: np.random.Generator,
) -> tuple[TrainingCase, ...]:
    """Return the cases with feedback, shuffled."""
    found = []
    for number in rng.permutation(len(cases)).tolist():
        case, swapped = cases[number], bool(rng.integers(2))
        shown = _presentation(case, tokens, swapped=swapped, is_repeat=False)
        if design.task == "single":
            answer = truth_of(case.rois[0])
        else:
            answer = "left" if swapped else "right"
        found.append(TrainingCase.model_validate({"presentation": shown, "answer": answer}))
    return tuple(found)


def reader_plans(
    design: StudyDesign,
    cases: Sequence[StudyCase],
    tokens: Tokens,
    rng: np.random.Generator,
) -> tuple[ReaderPlan, ...]:
    """Return what each reader sees.

    Raises
    ------
    StudyError
        No order keeps what the design asks for.
    """
    blocks = deal_to_blocks([case.kind for case in cases], design.block_size, rng)
    blocks = [blocks[number] for number in rng.permutation(len(blocks)).tolist()]
    plan = OrderPlan(
        design.block_size, design.longest_run, round(design.repeats * len(cases)),
        design.repeat_spacing,
    )  # fmt: skip
    plans = []
    for number, reader in enumerate(design.readers):
        answers = _answers(design, cases, rng)
        order = order_of_reader(blocks, answers, number, plan, rng)
        plans.append(
            ReaderPlan(
                reader=reader,
                blocks=tuple(
                    tuple(_shown(design, cases, answers, tokens, place) for place in block)
                    for block in order
                ),
            )
        )
    return tuple(plans)


def _answers(
    design: StudyDesign, cases: Sequence[StudyCase], rng: np.random.Generator
) -> list[bool]:
    """Return the right answer to each case; of half the pairs of a kind it is the right one."""
    if design.task == "single":
        return [case.generator != REAL for case in cases]
    order = sorted(rng.permutation(len(cases)).tolist(), key=lambda number: cases[number].kind)
    begin = int(rng.integers(2))
    sides = {number: (at + begin) % 2 == 0 for at, number in enumerate(order)}
    return [sides[number] for number in range(len(cases))]


def _shown(
    design: StudyDesign,
    cases: Sequence[StudyCase],
    answers: Sequence[bool],
    tokens: Tokens,
    place: Placed,
) -> Presentation:
    swapped = design.task == "2afc" and not answers[place.case]
    return _presentation(cases[place.case], tokens, swapped=swapped, is_repeat=place.is_repeat)


def _presentation(
    case: StudyCase, tokens: Tokens, *, swapped: bool, is_repeat: bool
) -> Presentation:
    images = [tokens.of(roi, is_repeat=is_repeat) for roi in case.rois]
    token = images[0] if len(images) == 1 else tokens.of_pair(case, is_repeat=is_repeat)
    return Presentation(token=token, images=tuple(images[::-1] if swapped else images))
