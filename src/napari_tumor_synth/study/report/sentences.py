"""What figures of a study mean, in plain sentences."""

from collections.abc import Mapping, Sequence

from statsmodels.stats.multitest import multipletests

from napari_tumor_synth.study.findings import Analysis, NotJudged
from napari_tumor_synth.study.statistics.contrasts import Contrast
from napari_tumor_synth.study.statistics.course import Trend
from napari_tumor_synth.study.statistics.obuchowski_rockette import (
    FEWEST_RANDOM_READERS,
    Estimate,
)
from napari_tumor_synth.study.statistics.pooled import Pooled

_LEVEL = 0.05
_LEAST_SHOWN = 0.0001
_MOST_OF = 0.9  # of the cases of others, below which it is said
_FEW = 10  # cases of a kind, below which intervals are too narrow


def p_of(value: float | None) -> str:
    """Return a p-value; one of 0 does not exist."""
    if value is None:
        return "no p-value"
    return f"p < {_LEAST_SHOWN:g}" if value < _LEAST_SHOWN else f"p = {value:.2g}"


def between(estimate: Estimate) -> str:
    """Return a value with its interval, cut off at 0 and 1."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f} (no interval: the mean of readers is the same for all cases)"
    low, high = max(0.0, estimate.low), min(1.0, estimate.high)
    return f"{estimate.value:.3f} (95 % interval {low:.3f} to {high:.3f})"


def outcome(found: Pooled, margin: float) -> str:
    """Say whether readers told real from synthetic, or were shown not to, or neither.

    Guessing takes both figures: readers who lean to one answer have an accuracy of one half even
    if their degrees of certainty tell the kinds apart.
    """
    area = found.area
    who = "one reader" if found.readers == 1 else f"mean of {found.readers} readers"
    shares = f"Accuracy was {between(found.accuracy)}, {who}"
    shares += "." if area is None else f"; area under the ROC curve {between(area)}."
    figures = [found.accuracy, *([] if area is None else [area])]
    level = _LEVEL / len(figures)
    differing = [one for one in figures if one.p_value is not None and one.p_value <= level]
    tests = " and ".join(p_of(one.p_value) for one in figures)
    if len(figures) == 2:
        tests += f"; with two figures, each is judged at {level:g}"
    equal = [found.equivalence, *([] if area is None else [found.area_equivalence])]
    is_equal = all(p_value is not None and p_value <= _LEVEL for p_value in equal)
    points = f"{100 * margin:g} percentage points"
    same = " and ".join(p_of(p_value) for p_value in equal)
    if differing:
        known = (
            "Readers told real from synthetic"
            if max(differing, key=lambda one: abs(one.value - 0.5)).value > 0.5
            else "Readers saw a difference and took it for the other one: they were wrong more "
            "often than by guessing"
        )
        small = f" The difference is within the margin of {points} ({same})." if is_equal else ""
        return f"{shares} {known} ({tests}).{small}"
    if is_equal:
        return (
            f"{shares} That is within {points} of guessing (equivalence tests at {_LEVEL:g}, "
            f"{same}). It is said of the mean: single readers may be better."
        )
    if all(one.p_value is None for one in figures):
        return f"{shares} There is nothing to judge chance by: more and other cases are needed."
    return (
        f"{shares} Neither a difference from guessing ({tests}) nor equivalence to it within "
        f"{points} ({same}) was shown: the study does not tell whether readers can."
    )


def readers_are(found: Pooled) -> str:
    """Say whom the intervals are about."""
    few = (
        f" With fewer than {_FEW} cases of a kind they are too narrow."
        if min(found.real, found.synthetic) < _FEW
        else ""
    )
    if found.accuracy.random_readers:
        return (
            "Readers and cases are taken as drawn from many (Obuchowski and Rockette, with the "
            f"degrees of freedom of Hillis): intervals are about other readers and cases.{few}"
        )
    return (
        f"With fewer than {FEWEST_RANDOM_READERS} readers ({found.readers} here) nothing can be "
        "said of other readers: readers are taken as fixed, and intervals are about these readers "
        f"and other cases.{few}"
    )


def contrasts(found: Mapping[tuple[str, str], Contrast], figure: str) -> tuple[str, ...]:
    """Say which generators were told from real ROIs more easily.

    Parameters
    ----------
    found : mapping
    figure : str
        What is compared, in words.
    """
    tested = {pair: one.p_value for pair, one in found.items() if one.p_value is not None}
    adjusted = dict(zip(tested, _holm(list(tested.values())), strict=True))
    told = []
    for pair, one in found.items():
        if one.low is None or one.high is None:
            range_ = "no interval: all resamples are alike"
        else:
            range_ = f"95 % interval {one.low:+.3f} to {one.high:+.3f}, {p_of(one.p_value)}"
            if len(adjusted) > 1:
                range_ += f", {p_of(adjusted[pair])} after Holm"
        told.append(
            f"{pair[0]} and {pair[1]}: {figure} {one.first:.3f} and {one.second:.3f}, difference "
            f"{one.difference:+.3f} ({range_}; two-way bootstrap of "
            f"{'readers and ' if one.random_readers else ''}cases)."
        )
    return tuple(told)


def partial(analysis: Analysis) -> str:
    """Say which readers rated less than the others; empty if none did."""
    most = max((one.accuracy.of for one in analysis.readers), default=0)
    fewer = [
        f"{one.reader} ({one.accuracy.of})"
        for one in analysis.readers
        if one.accuracy.of < _MOST_OF * most
    ]
    if not fewer:
        return ""
    return (
        f"Rated fewer cases than the {most} of others: {', '.join(fewer)}. Each counts as much as "
        "a reader who rated all."
    )


def many_tests(analysis: Analysis) -> str:
    """Say how many p-values there are beside the first one."""
    kinds = (analysis.by_generator, analysis.by_class, analysis.by_size)
    count = sum(one is not None for kind in kinds for one in kind.values())
    return (
        f"Rows by generator, class and size ({count}) are not adjusted for their number: with so "
        "many, some p-values below 0.05 are expected by chance. Take them as questions for another "
        "study."
    )


def not_judged(found: Mapping[str, NotJudged]) -> str:
    """Say how many cases of each kind could not be judged; empty if all could."""
    some = [
        f"{one.not_judged} of {one.answers} ({kind})"
        for kind, one in found.items()
        if one.not_judged
    ]
    if not some:
        return ""
    return (
        f"Answers without a rating because the case could not be judged: {', '.join(some)}. They "
        "are left out; two rows count them as wrong and as right. A result that does not hold in "
        "both hangs on them."
    )


def learning(found: Trend | None) -> str:
    """Say whether readers got better in the course of the reading."""
    if found is None:
        return "There are too few answers to say whether readers learned."
    if found.low > 0:
        meaning = "readers got better"
    elif found.high < 0:
        meaning = "readers got worse, as with fatigue"
    else:
        meaning = "no change was shown"
    whom = "other readers" if found.random_readers else "these readers"
    return (
        f"From the first to the last case the share of right answers changed by "
        f"{found.change:+.3f} (95 % interval {found.low:+.3f} to {found.high:+.3f}, about {whom}; "
        f"{found.readers} with enough answers): {meaning}."
    )


def _holm(p_values: Sequence[float]) -> list[float]:
    return [] if not p_values else multipletests(p_values, method="holm")[1].tolist()
