"""The part of a report that says whether a set holds copies of real ROIs."""

from collections.abc import Sequence
from dataclasses import replace

from napari_tumor_synth.evaluation.report.document import Picture, Section, Table, table_of
from napari_tumor_synth.evaluation.report.plots import cumulative_plot
from napari_tumor_synth.evaluation.set_memorisation import SetMemorisation

EXPLANATION = (
    "Each synthetic ROI was compared with every real one by exact 3D-SSIM of the foreground (the "
    "union of both masks); that of the whole ROI is mostly background. A score is judged by those "
    "of real ROIs with their nearest ROI of another patient. Smooth images score higher with "
    "everything, so that a blurred set looks nearer than it is: look at the pictures as well.",
    "Copies that were mirrored, turned or shifted are looked for by tumor-synth nearest "
    "--transforms, not here.",
)
_MOST_LISTED = 20


def memorisation_section(
    found: SetMemorisation, names: Sequence[str], real_names: Sequence[str], definition: str
) -> Section:
    """Return the section.

    Parameters
    ----------
    found : SetMemorisation
    names, real_names : sequence of str
        Of the synthetic and of the real ROIs.
    definition : str
        Of the 3D-SSIM.
    """
    order = sorted(range(len(found.samples)), key=lambda row: -found.samples[row].score)
    return Section(
        "Is a synthetic ROI a copy of a patient?",
        (*EXPLANATION, definition, _verdicts_in_words(found)),
        tables=(
            table_of("memorisation", "Figures of the whole set, 95 % intervals", found.figures),
            _comparisons(found),
            _samples("most_similar", found, order[:_MOST_LISTED], names, real_names),
        ),
        pictures=(
            Picture(
                "nearest_scores",
                "Foreground 3D-SSIM with the nearest training ROI. Curves that lie on each other: "
                "synthetic ROIs are as near to the training ROIs as new patients are. A synthetic "
                "curve to the right: nearer than new patients, by copying or because smooth images "
                "score higher with everything.",
                cumulative_plot(found.distributions, "foreground 3D-SSIM with the nearest"),
            ),
        ),
    )


def all_samples(found: SetMemorisation, names: Sequence[str], real_names: Sequence[str]) -> Table:
    """Return the table of all verdicts, in the order of the set."""
    table = _samples("verdicts", found, range(len(found.samples)), names, real_names)
    return replace(table, in_page=False)


def _samples(
    name: str,
    found: SetMemorisation,
    rows: Sequence[int],
    names: Sequence[str],
    real_names: Sequence[str],
) -> Table:
    samples = [(names[row], found.samples[row]) for row in rows]
    return Table(
        name,
        f"{len(samples)} synthetic ROIs and their nearest real ones"
        + (", most similar first" if name == "most_similar" else ""),
        (
            "synthetic", "nearest real", "foreground 3D-SSIM", "verdict",
            "percentile among real (left out)", "percentile among held-out", "p",
        ),
        tuple(
            (
                synthetic,
                real_names[sample.nearest],
                sample.score,
                sample.verdict.name,
                sample.verdict.percentile,
                sample.held_out_percentile,
                sample.verdict.p_value,
            )
            for synthetic, sample in samples
        ),
    )  # fmt: skip


def _comparisons(found: SetMemorisation) -> Table:
    return Table(
        "nearest_scores_compared",
        "Nearest scores of synthetic ROIs against those of real ones (two-sided tests)",
        (
            "synthetic", "against", "difference of medians", "low", "high", "Mann-Whitney p",
            "Kolmogorov-Smirnov p", "probability of being nearer", "n synthetic", "n real",
        ),
        tuple(
            (
                one.first, one.second, one.median_difference, one.low, one.high,
                one.mann_whitney_p, one.ks_p, one.superiority, one.n_first, one.n_second,
            )
            for one in found.comparisons
        ),
    )  # fmt: skip


def _verdicts_in_words(found: SetMemorisation) -> str:
    counts: dict[str, int] = {}
    for sample in found.samples:
        counts[sample.verdict.name] = counts.get(sample.verdict.name, 0) + 1
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return f"Verdicts on {len(found.samples)} synthetic ROIs: {told}."
