"""What the answers of readers show."""

from collections.abc import Sequence

from napari_tumor_synth.evaluation.report.document import Cell, Picture, Section, Table
from napari_tumor_synth.study.answers_table import AnswerRow
from napari_tumor_synth.study.findings import Analysis
from napari_tumor_synth.study.matrices import answers_of, places_of
from napari_tumor_synth.study.report import plots, sentences
from napari_tumor_synth.study.scale import RATINGS, TOWARD_SYNTHETIC, Task
from napari_tumor_synth.study.statistics.agreement import Agreed
from napari_tumor_synth.study.statistics.detection import Detection
from napari_tumor_synth.study.statistics.obuchowski_rockette import Estimate
from napari_tumor_synth.study.statistics.of_reader import Area
from napari_tumor_synth.study.statistics.pooled import Pooled

_POOLED = (
    "cases", "readers", "intervals about", "real", "synthetic", "accuracy", "low", "high",
    "p (guessing)", "p (equivalence)",
)  # fmt: skip
_POOLED_AREA = ("cases", "AUC", "low", "high", "p (guessing)", "p (equivalence)")
_ACCURACY = (
    "reader", "right", "of", "share", "exact low", "exact high", "Wilson low", "Wilson high",
    "accuracy", "low", "high", "p (guessing)", "p (equivalence)",
)  # fmt: skip
_RATES: dict[Task, tuple[str, str]] = {
    "single": ("hit rate", "false-alarm rate"),
    "2afc": ("“left” when left", "“left” when right"),
}
_PARTS = 5


def readers_together(analysis: Analysis, rows: Sequence[AnswerRow]) -> Section:
    """Say what all readers together show."""
    single = analysis.task == "single"
    told: list[str] = []
    if analysis.overall is None:
        told.append("Nobody has rated two cases of each kind: nothing can be said of accuracy yet.")
    else:
        told.append(sentences.outcome(analysis.overall, analysis.margin))
        told.append(sentences.readers_are(analysis.overall))
    told.extend(sentences.contrasts(analysis.contrasts, "areas" if single else "accuracies"))
    told.append(
        "Accuracy counts real and synthetic cases the same, so that one half is guessing, whatever "
        "the mixture. Synthetic cases of a generator are set against all real ones."
        if single
        else "A pair is right if the synthetic one is named; ratings in the picture are turned so "
        "that high ones are right."
    )
    told.append(sentences.partial(analysis))
    told.append(sentences.not_judged(analysis.not_judged))
    told.append(sentences.many_tests(analysis))
    answers = answers_of(rows, analysis.task)
    labels = RATINGS["single"] if single else TOWARD_SYNTHETIC
    pictures = [
        Picture("ratings", "How often each degree was given.", plots.ratings_plot(answers, labels))
    ]
    if single:
        pictures.append(Picture("roc", "ROC curves of readers.", plots.roc_plot(answers)))
    return Section(
        "Can readers tell?",
        tuple(one for one in told if one),
        _pooled_tables(analysis),
        tuple(pictures),
    )  # fmt: skip


def each_reader(analysis: Analysis) -> Section:
    """Say what each reader's answers show."""
    right = tuple(
        (
            one.reader, one.accuracy.right, one.accuracy.of, one.accuracy.share,
            *one.accuracy.exact, *one.accuracy.wilson, *one.balanced, one.p_value, one.equivalence,
        )
        for one in analysis.readers
    )  # fmt: skip
    single = analysis.task == "single"
    told_apart = tuple(
        (one.reader, *_detected(one.detection), *(_area(one.area) if single else ()))
        for one in analysis.readers
    )
    detected = (
        "reader", *_RATES[analysis.task], "d'", "d' low", "d' high", "criterion",
        *(("AUC", "AUC low", "AUC high") if single else ()),
    )  # fmt: skip
    forest = [(one.reader, *one.balanced) for one in analysis.readers]
    return Section(
        "Each reader",
        (
            "Intervals are 95 %: exact (Clopper and Pearson) and Wilson of the share of right "
            "answers, Newcombe of accuracy (real and synthetic cases count the same), Gourevitch "
            "and Galanter of d', DeLong of the area under the ROC curve. Guessing is judged by the "
            "exact binomial test or, with other numbers of real than of synthetic cases, by "
            "Fisher's; equivalence by two one-sided tests at 0.05 each.",
            "d' and criterion have the log-linear correction; above 0, the criterion leans to "
            "“real” (of pairs: to the right one). An AUC without interval is one of a reader whose "
            "ratings separate the kinds completely or are all the same.",
        ),
        (
            Table("each_reader", "Right answers.", _ACCURACY, right),
            Table("detection", "Real told from synthetic.", detected, told_apart),
        ),
        (
            Picture(
                "accuracy", "Accuracy of each reader, with 95 % intervals.",
                plots.forest_plot(forest, analysis.margin, "accuracy"),
            ),
        ),
    )  # fmt: skip


def agreement(analysis: Analysis) -> Section:
    """Say how readers agree with each other and with themselves."""
    found = analysis.agreement
    said = "real or synthetic" if analysis.task == "single" else "one or the other of a pair"
    count = len(found.readers)
    between = (
        (f"Fleiss' kappa of {said}", *_agreed(found.fleiss), count, found.complete),
        (
            "Cohen's kappa, quadratic weights, mean over pairs of readers",
            *_agreed(found.weighted_kappa), count, found.cases,
        ),
        ("Krippendorff's alpha of ordinal ratings", *_agreed(found.alpha), count, found.cases),
    )  # fmt: skip
    within = tuple(
        (reader, one.repeats, one.same_side, one.kappa)
        for reader, one in analysis.stability.items()
        if one.repeats
    )
    columns = ("reader", "cases twice", "same verdict", "weighted kappa")
    return Section(
        "Agreement",
        (
            "0 is agreement by chance, 1 is complete. Readers who guess do not agree with each "
            "other; readers who agree and are wrong share a belief about synthetic ROIs. Readers "
            "who judged less than half as many cases as others are left out.",
        ),
        (
            Table(
                "agreement",
                "Between readers, with 95 % intervals over cases (bootstrap).",
                ("figure", "value", "low", "high", "readers", "cases"),
                between,
            ),
            Table("stability", "Of each reader between first and second answer.", columns, within),
        ),
    )


def course(analysis: Analysis, rows: Sequence[AnswerRow]) -> Section:
    """Say how long answers took, and whether readers learned."""
    columns = ("reader", "answers", "count", "median s", "lower quartile s", "upper quartile s")
    found = tuple(
        (reader, kind, one.count, one.median, one.low, one.high)
        for reader, kinds in analysis.times.items()
        for kind, one in kinds.items()
        if one is not None
    )
    told = (
        "Seconds from a case on screen to its confirmed answer, without pauses.",
        sentences.learning(analysis.trend),
    )
    answers = answers_of(rows, analysis.task)
    picture = plots.course_plot(places_of(rows, answers), answers.correct(), _PARTS)
    return Section(
        "Time and learning",
        told,
        (Table("times", "Times.", columns, found),),
        (Picture("course", "Share of right answers in the course of the reading.", picture),),
    )


def _agreed(one: Agreed) -> tuple[float | None, ...]:
    return one.value, one.low, one.high


def _detected(seen: Detection | None) -> tuple[float | None, ...]:
    if seen is None:
        return (None,) * 6
    return (
        seen.hit_rate, seen.false_alarm_rate, seen.sensitivity, seen.low, seen.high,
        seen.criterion,
    )  # fmt: skip


def _area(area: Area | None) -> tuple[float | None, ...]:
    return (None,) * 3 if area is None else (area.value, area.low, area.high)


def _pooled_tables(analysis: Analysis) -> tuple[Table, ...]:
    low, high = (f"{limit:.3g} ml" for limit in analysis.size_limits_ml)
    sizes = (f"small (below {low})", "medium", f"large (from {high})")
    named = [
        ("all", analysis.overall),
        ("all, those not judged as wrong", analysis.if_wrong),
        ("all, those not judged as right", analysis.if_right),
        *analysis.by_generator.items(),
        *((f"class {name}", one) for name, one in analysis.by_class.items()),
        *zip(sizes, analysis.by_size.values(), strict=True),
    ]
    rows = [(name, one) for name, one in named if one is not None]
    how = "mean over readers, with 95 % intervals (Obuchowski and Rockette"
    accuracy = Table(
        "pooled", f"Accuracy: {how}; of one reader, Newcombe's or the exact one).", _POOLED,
        tuple(_accuracy_row(name, one) for name, one in rows),
    )  # fmt: skip
    if analysis.task == "2afc":
        return (accuracy,)
    area = Table(
        "pooled_auc", f"Area under the ROC curve: {how}).", _POOLED_AREA,
        tuple(
            (name, *_ends(one.area), one.area.p_value, one.area_equivalence)
            for name, one in rows
            if one.area is not None
        ),
    )  # fmt: skip
    return accuracy, area


def _accuracy_row(name: str, one: Pooled) -> tuple[Cell, ...]:
    about = "other readers" if one.accuracy.random_readers else "these readers"
    return (
        name, one.readers, about, one.real, one.synthetic, *_ends(one.accuracy),
        one.accuracy.p_value, one.equivalence,
    )  # fmt: skip


def _ends(estimate: Estimate) -> tuple[float, float | None, float | None]:
    if estimate.low is None or estimate.high is None:
        return estimate.value, None, None
    return estimate.value, max(0.0, estimate.low), min(1.0, estimate.high)
