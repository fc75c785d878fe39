"""What answers that are few, alike or lopsided are said to show: never more than they do."""

import json

import numpy as np
import pytest
from scipy.stats import fisher_exact
from sklearn.metrics import balanced_accuracy_score

from napari_tumor_synth.study.analysis import analyse
from napari_tumor_synth.study.answers_table import AnswerRow
from napari_tumor_synth.study.exports import imrmc_table, long_table, matrix_table
from napari_tumor_synth.study.report import results, sentences
from napari_tumor_synth.study.report.build import plain
from napari_tumor_synth.study.statistics.agreement import (
    Agreed,
    agreed,
    alpha,
    mean_weighted_kappa,
    pairwise_kappa,
)
from napari_tumor_synth.study.statistics.balanced import BalancedAccuracy
from napari_tumor_synth.study.statistics.contrasts import contrast


def row(reader, case, truth, rating, *, generator="g", volume=10.0, place=0, is_repeat=False):
    high = truth in ("synthetic", "right")
    return AnswerRow(
        reader=reader, place=place, block=0, image="i", other="", case=case, is_repeat=is_repeat,
        truth=truth, generator="" if truth == "real" else generator, class_name="HGG",
        volume_ml=volume, rating=rating,
        is_right=None if rating is None else (rating > 3.5) == high,
        seconds=2.0, seconds_to_first=1.0, revisions=0,
        slices={"axial": 1, "coronal": 1, "sagittal": 1}, window=None, reasons=(), comment="",
        cannot_judge="" if rating is not None else "dark",
    )  # fmt: skip


def study(readers, real, synthetic, rate, generators=("g",)):
    """Return answers of a study; `rate` (reader, truth, number) gives ratings."""
    rows = []
    for reader in range(readers):
        cases = [("real", f"r{n}", "", n) for n in range(real)]
        cases += [("synthetic", f"{g}{n}", g, n) for g in generators for n in range(synthetic)]
        for place, (truth, name, generator, number) in enumerate(cases):
            rating = rate(reader, truth, number)
            rows.append(row(f"R{reader}", name, truth, rating, generator=generator, place=place,
                            volume=5.0 + number))  # fmt: skip
    return rows


def pairs(readers, count, right, rng):
    """Return answers to pairs, whose sides differ between readers."""
    rows = []
    for reader in range(readers):
        for number in range(count):
            truth = ("left", "right")[rng.integers(2)]
            chosen = truth if right(reader, number) else {"left": "right", "right": "left"}[truth]
            rating = 1 if chosen == "left" else 6
            rows.append(row(f"R{reader}", f"pair {number}", truth, rating, place=number))
    return rows


def verdict(rows, task="single"):
    found = analyse(rows, task, 0.1)
    return sentences.outcome(found.overall, found.margin), found


def test_readers_who_lean_to_one_answer_but_tell_kinds_apart_do_not_guess():
    rng = np.random.default_rng(4)
    high = {"real": 0.3, "synthetic": 0.8}  # 6 rather than 5: nobody ever says real
    told, found = verdict(study(6, 60, 60, lambda r, t, n: 5 + (rng.random() < high[t])))
    assert found.overall.accuracy.value == 0.5
    assert found.overall.area.low > 0.6
    assert "Readers told real from synthetic" in told
    always, found = verdict(study(6, 60, 60, lambda r, t, n: 4 if t == "real" else 6))
    assert (found.overall.accuracy.value, found.overall.area.value) == (0.5, 1)
    assert "within" not in always
    assert "nothing to judge chance by" in always


@pytest.mark.parametrize("readers", [1, 2, 6])
@pytest.mark.parametrize("task", ["single", "2afc"])
def test_answers_that_are_all_alike_are_no_certainty(readers, task):
    if task == "single":
        rows = study(readers, 4, 4, lambda r, t, n: 1 if t == "real" else 6)
    else:
        rows = pairs(readers, 8, lambda r, n: True, np.random.default_rng(0))
    told, found = verdict(rows, task)
    accuracy = found.overall.accuracy
    assert accuracy.value == 1
    assert "p = 0)" not in told
    assert "p = 0 " not in told
    if readers == 1:  # exact methods have an interval
        assert 0.3 < accuracy.low < 0.8
        assert accuracy.p_value > 0.005
    else:
        assert (accuracy.low, accuracy.p_value, found.overall.equivalence) == (None, None, None)
        assert "no interval" in told


def test_one_reader_has_exact_figures():
    rows = study(1, 20, 20, lambda r, t, n: 6 if n < (14 if t == "synthetic" else 6) else 1)
    _, found = verdict(rows)
    assert found.overall.accuracy.value == 0.7
    assert found.overall.accuracy.p_value == found.readers[0].p_value
    assert found.overall.equivalence == found.readers[0].equivalence


def test_accuracy_of_a_mixture_is_judged_by_both_kinds():
    rng = np.random.default_rng(0)
    shown = []
    for _ in range(200):  # who guesses along the mixture that was told
        rows = study(1, 30, 150, lambda r, t, n: 6 if rng.random() < 5 / 6 else 1)
        found = analyse(rows, "single", 0.1).readers[0]
        shown.append(found.p_value <= 0.05)
        assert found.balanced[1] <= found.balanced[0] <= found.balanced[2]
    assert np.mean(shown) <= 0.07
    truth = [one.truth == "synthetic" for one in rows]
    said = [one.rating > 3.5 for one in rows]
    assert found.balanced[0] == pytest.approx(balanced_accuracy_score(truth, said))


def test_balanced_accuracy_of_a_reader():
    one = BalancedAccuracy(50, 60, 100, 300)
    assert one.value == pytest.approx((50 / 60 + 200 / 300) / 2)
    assert one.p_value == pytest.approx(fisher_exact([[50, 10], [100, 200]]).pvalue)
    low, high = one.interval()
    assert low < one.value < high
    assert one.equivalence(0.1) == 1
    same = BalancedAccuracy(30, 60, 150, 300)
    p_value = same.equivalence(0.1)
    low, high = same.interval(2 * p_value)
    assert max(0.5 - low, high - 0.5) == pytest.approx(0.1, abs=1e-6)
    for flat in (BalancedAccuracy(0, 4, 0, 4), BalancedAccuracy(4, 4, 4, 4)):
        assert flat.interval()[1] - flat.interval()[0] > 0.3
        assert flat.equivalence(0.1) > 0.05
        assert flat.p_value == 1


def test_intervals_of_balanced_accuracy_cover():
    rng = np.random.default_rng(3)
    covered, equal = [], []
    for _ in range(1500):
        one = BalancedAccuracy(int(rng.binomial(60, 0.6)), 60, int(rng.binomial(150, 0.4)), 150)
        low, high = one.interval()
        covered.append(low <= 0.6 <= high)
        equal.append(one.equivalence(0.1) <= 0.05)  # the truth lies on the margin
    assert 0.93 <= np.mean(covered) <= 0.975
    assert np.mean(equal) <= 0.065


def test_a_difference_within_the_margin_is_told_as_both():
    rng = np.random.default_rng(1)
    level = {"real": 0.43, "synthetic": 0.57}
    rows = study(8, 400, 400, lambda r, t, n: 6 if rng.random() < level[t] else 1)
    told, _ = verdict(rows)
    assert "Readers told real from synthetic" in told
    assert "The difference is within the margin of 10 percentage points" in told


def test_a_reader_who_barely_began_takes_nothing_away():
    rng = np.random.default_rng(2)
    rows = study(6, 20, 20, lambda r, t, n: int(rng.integers(1, 7)), generators=("g", "h"))
    before = analyse(rows, "single", 0.1)
    late = [*rows, row("late", "r0", "real", 3)]
    found = analyse(late, "single", 0.1)
    assert found.contrasts == before.contrasts
    assert found.agreement == before.agreement
    assert found.trend == before.trend
    assert found.overall == before.overall


def test_agreement_about_pairs_is_not_agreement_with_the_truth():
    rng = np.random.default_rng(5)
    same = pairs(2, 400, lambda r, n: True, rng)
    found = analyse(same, "2afc", 0.1).agreement
    assert found.fleiss.value == pytest.approx(1)
    assert found.alpha.value == pytest.approx(1)
    wrong = rng.random((2, 400)) < 0.05
    both = analyse(pairs(2, 400, lambda r, n: not wrong[r, n], rng), "2afc", 0.1).agreement
    assert both.fleiss.value == pytest.approx(1 - 2 * np.mean(wrong[0] != wrong[1]), abs=0.02)


def test_intervals_of_agreement_are_over_cases():
    rng = np.random.default_rng(9)
    ratings = np.clip(np.rint(rng.normal(3.5, 1.2, 80) + rng.normal(0, 0.8, (4, 80))), 1, 6)
    ratings[0, ::9] = np.nan
    assert pairwise_kappa(ratings) == pytest.approx(mean_weighted_kappa(ratings))
    found = agreed(pairwise_kappa(ratings), pairwise_kappa, ratings)
    assert found.low < found.value < found.high
    more = np.tile(ratings, 4)
    narrow = agreed(pairwise_kappa(more), pairwise_kappa, more)
    assert narrow.high - narrow.low == pytest.approx((found.high - found.low) / 2, rel=0.25)
    same = np.tile(ratings[1], (3, 1))
    assert agreed(1.0, pairwise_kappa, same).low is None
    assert agreed(None, alpha, ratings) == Agreed(None, None, None)


def test_generators_of_pairs_are_compared():
    rng = np.random.default_rng(6)
    rows = []
    for generator, skill in (("easy", 0.9), ("hard", 0.5)):
        some = pairs(6, 40, lambda r, n, skill=skill: rng.random() < skill, rng)
        rows += [
            row(
                one.reader,
                f"{generator} {one.case}",
                one.truth,
                one.rating,
                generator=generator,
                place=one.place,
            )
            for one in some
        ]
    found = analyse(rows, "2afc", 0.1).contrasts["easy", "hard"]
    assert found.first == pytest.approx(0.9, abs=0.06)
    assert found.low > 0.2
    assert found.p_value < 0.01


def test_perfect_generators_have_no_interval_of_no_width():
    rows = study(6, 10, 10, lambda r, t, n: 1 if t == "real" else 6, generators=("g", "h"))
    found = analyse(rows, "single", 0.1).contrasts["g", "h"]
    assert (found.difference, found.low, found.p_value) == (0, None, None)
    assert "no interval" in sentences.contrasts({("g", "h"): found}, "areas")[0]


def test_what_could_not_be_judged_is_told_and_counted_at_worst():
    rng = np.random.default_rng(7)
    rows = study(
        6, 40, 40,
        lambda r, t, n: None if t == "synthetic" and n % 4 else int(rng.integers(1, 7)),
    )  # fmt: skip
    found = analyse(rows, "single", 0.1)
    assert found.not_judged["g"].not_judged == 6 * 30
    assert found.not_judged["real cases"].not_judged == 0
    assert found.overall.synthetic == 10
    assert found.if_wrong.synthetic == found.if_right.synthetic == 40
    accuracies = [one.accuracy.value for one in (found.if_wrong, found.overall, found.if_right)]
    assert accuracies == sorted(accuracies)
    for one, right in zip((found.if_wrong, found.if_right), (0, 1), strict=True):
        assert abs(one.accuracy.value - (0.5 + (10 * 0.5 + 30 * right) / 40) / 2) < 0.05
    assert "180 of 240 (g)" in sentences.not_judged(found.not_judged)
    assert analyse(study(2, 9, 9, lambda r, t, n: 1 + n % 6), "single", 0.1).if_wrong is None


def test_learning_is_said_as_it_is():
    def after(place, readers):
        return study(readers, 30, 30, lambda r, t, n: (1, 6)[(t == "synthetic") == place(r, n)])

    worse = analyse(after(lambda r, n: n < 15 + r, 6), "single", 0.1).trend
    assert sentences.learning(None).startswith("There are too few")
    assert worse is not None
    few = analyse(study(3, 5, 5, lambda r, t, n: 1 + n), "single", 0.1).trend
    assert few is None


CORNERS = {
    "nobody rated both kinds": [
        *study(2, 3, 0, lambda r, t, n: 2),
        row("R0", "s", "synthetic", 5),
    ],
    "one answer": [row("R0", "s", "synthetic", 5)],
    "nothing judged but one": [row("R0", "s", "synthetic", 5), row("R0", "t", "real", None)],
    "constant": study(3, 6, 6, lambda r, t, n: 4),
    "two of each": study(1, 2, 2, lambda r, t, n: 1 + n),
    "a reader without errors": study(
        3, 12, 12, lambda r, t, n: (1, 6)[t == "synthetic"] if r else 3
    ),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("corner", CORNERS)
def test_corners(corner):
    rows = CORNERS[corner]
    found = analyse(rows, "single", 0.1)
    sections = (
        results.readers_together(found, rows), results.each_reader(found),
        results.agreement(found), results.course(found, rows),
    )  # fmt: skip
    words = " ".join(text for section in sections for text in section.paragraphs)
    assert "nan" not in words
    assert "p = 0)" not in words
    for section in sections:
        for table in section.tables:
            assert all(len(one) == len(table.columns) for one in table.rows)
    from dataclasses import asdict

    json.dumps(plain(asdict(found) | {"contrasts": None}), allow_nan=False)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(40))
def test_random_studies(seed):
    rng = np.random.default_rng(seed)
    task = ("single", "2afc")[seed % 2]
    rows = []
    for reader in range(rng.integers(1, 8)):
        bias, share = rng.uniform(0, 1), rng.uniform(0, 1)
        for number in range(rng.integers(1, 40)):
            if task == "single":
                truth = ("real", "synthetic")[number % 2]
            else:
                truth = ("left", "right")[rng.integers(2)]
            rating = None if rng.random() < 0.1 else int(np.clip(rng.normal(1 + 5 * bias, 2), 1, 6))
            if rng.random() < share:
                rows.append(row(
                    f"R{reader}", f"c{number}", truth, rating, generator="gh"[number % 3 == 0],
                    place=number, volume=float(rng.uniform(1, 50)),
                ))  # fmt: skip
    if not any(one.rating is not None for one in rows):
        return
    found = analyse(rows, task, 0.1)
    for section in (
        results.readers_together(found, rows), results.each_reader(found),
        results.agreement(found), results.course(found, rows),
    ):  # fmt: skip
        assert "nan" not in " ".join(section.paragraphs)
    if found.overall is not None and found.overall.accuracy.low is not None:
        accuracy = found.overall.accuracy
        assert accuracy.low <= accuracy.value <= accuracy.high
    assert len(long_table(rows).rows) == len(rows)
    assert len(matrix_table(rows, task).rows) == len({one.case for one in rows})
    if task == "single":
        imrmc_table(rows)


def test_who_judged_nothing_of_a_resample_does_not_spoil_it():
    rng = np.random.default_rng(8)
    rows = study(6, 20, 20, lambda r, t, n: int(rng.integers(1, 7)), generators=("g", "h"))
    rows = [
        one
        for one in rows
        if one.reader != "R5" or one.case in ("r0", "r1", "g0", "g1", "h0", "h1")
    ]
    found = analyse(rows, "single", 0.1).contrasts["g", "h"]
    assert found.low < 0 < found.high
    assert contrast is not None
