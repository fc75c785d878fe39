"""The order in which each reader sees the cases.

Cases are dealt to blocks so that each block holds its share of every kind. Readers get the blocks
in rotated order (each block is as often first as any other), and within a block an order of their
own, with a longest run of one answer. Repeats follow their case after a distance, each block with
its share of them, as far as enough was shown before.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_tumor_synth.errors import StudyError

_TRIES = 200


@dataclass(frozen=True, slots=True)
class Placed:
    """One place in a reader's order.

    Attributes
    ----------
    case : int
    is_repeat : bool
    """

    case: int
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """What every order keeps.

    Attributes
    ----------
    block_size, longest_run, repeats, repeat_spacing : int
        See `StudyDesign`; repeats are a number here.
    """

    block_size: int
    longest_run: int
    repeats: int
    repeat_spacing: int


def deal_to_blocks(
    kinds: Sequence[Hashable], block_size: int, rng: np.random.Generator
) -> list[list[int]]:
    """Deal cases to blocks of about a size, each with its share of every kind.

    Parameters
    ----------
    kinds : sequence of hashable
        Of each case: what must be balanced.
    block_size : int
    rng : numpy.random.Generator

    Returns
    -------
    list of list of int
        Numbers of cases, a list a block.
    """
    count = max(1, round(len(kinds) / block_size))
    of_kind: dict[Hashable, list[int]] = defaultdict(list)
    for case in rng.permutation(len(kinds)).tolist():
        of_kind[kinds[case]].append(case)
    blocks: list[list[int]] = [[] for _ in range(count)]
    turn = 0
    for kind in sorted(of_kind, key=repr):
        for case in of_kind[kind]:
            blocks[turn % count].append(case)
            turn += 1
    return [block for block in blocks if block]


def order_of_reader(
    blocks: Sequence[Sequence[int]],
    answers: Sequence[bool],
    reader: int,
    plan: OrderPlan,
    rng: np.random.Generator,
) -> list[list[Placed]]:
    """Return the order of one reader, block by block.

    Parameters
    ----------
    blocks : sequence of sequence of int
        What `deal_to_blocks` dealt.
    answers : sequence of bool
        The right answer to each case for this reader.
    reader : int
        From 0; rotates the blocks.
    plan : OrderPlan
    rng : numpy.random.Generator

    Raises
    ------
    StudyError
        There is no such order.
    """
    first = reader % len(blocks)
    turned = [*blocks[first:], *blocks[:first]]
    for _ in range(_TRIES):
        order = _Order(answers, plan, rng)
        if all(order.add_block(block, len(turned) - at) for at, block in enumerate(turned)):
            return order.blocks
    raise StudyError(
        f"No order keeps to runs of at most {plan.longest_run} cases with one answer and repeats "
        f"at least {plan.repeat_spacing} cases later.",
        "Allow longer runs, ask for fewer or nearer repeats, or draw real and synthetic cases in "
        "more equal numbers.",
    )


def longest_run(answers: Sequence[bool]) -> int:
    """Return how many equal answers follow each other at most."""
    longest = run = 0
    last: bool | None = None
    for answer in answers:
        run = run + 1 if answer == last else 1
        longest, last = max(longest, run), answer
    return longest


class _Order:
    """An order that grows block by block: a block's own cases, then its part of the repeats."""

    def __init__(self, answers: Sequence[bool], plan: OrderPlan, rng: np.random.Generator) -> None:
        self._answers, self._plan, self._rng = answers, plan, rng
        self._order: list[Placed] = []
        self._starts: list[int] = []
        self._repeats = {False: plan.repeats // 2, True: plan.repeats - plan.repeats // 2}

    @property
    def blocks(self) -> list[list[Placed]]:
        """The order, cut where blocks begin."""
        ends = [*self._starts[1:], len(self._order)]
        return [self._order[a:b] for a, b in zip(self._starts, ends, strict=True)]

    def add_block(self, cases: Sequence[int], blocks_left: int) -> bool:
        """Add a block; False if there is no way from here.

        Parameters
        ----------
        cases : sequence of int
        blocks_left : int
            This one among them: what is left of the repeats is shared by them.
        """
        self._starts.append(len(self._order))
        left = self._rng.permutation(np.asarray(cases)).tolist()
        while left:
            case = next((one for one in left if self._can_follow(one, left)), None)
            if case is None:
                return False
            left.remove(case)
            self._order.append(Placed(case))
        for said, number in self._repeats.items():
            wanted = -(-number // blocks_left)
            done = sum(self._repeat_one(said) for _ in range(wanted))
            self._repeats[said] -= done
        return blocks_left > 1 or not any(self._repeats.values())

    def _can_follow(self, case: int, left: Sequence[int]) -> bool:
        """Whether a case may come next, and the others of its block still can after it."""
        said, most = self._answers[case], self._plan.longest_run
        run = self._run_of(said) + 1
        same = sum(self._answers[one] == said for one in left) - 1
        other = len(left) - 1 - same
        return run <= most and same <= (most - run) + other * most and other <= (same + 1) * most

    def _run_of(self, said: bool) -> int:
        """Return how many of one answer the order ends with."""
        different = (
            at for at, one in enumerate(reversed(self._order)) if self._answers[one.case] != said
        )
        return next(different, len(self._order))

    def _repeat_one(self, said: bool) -> bool:
        """Show a case with this answer again in the last block, at random."""
        shown = {one.case for one in self._order if one.is_repeat}
        last = len(self._order) - self._plan.repeat_spacing
        for at in self._rng.permutation(max(0, last)).tolist():
            case = self._order[at].case
            if self._answers[case] != said or case in shown or self._order[at].is_repeat:
                continue
            place = self._place_for(case, at)
            if place is not None:
                self._order.insert(place, Placed(case, is_repeat=True))
                return True
        return False

    def _place_for(self, case: int, first: int) -> int | None:
        """Return where in the last block a repeat can go; later ones only move it further away."""
        most, order = self._plan.longest_run, self._order
        begin = max(first + self._plan.repeat_spacing + 1, self._starts[-1])
        for place in self._rng.permutation(np.arange(begin, len(order) + 1)).tolist():
            around = [self._answers[one.case] for one in order[max(0, place - most) : place + most]]
            around.insert(min(place, most), self._answers[case])
            if longest_run(around) <= most:
                return int(place)
        return None
