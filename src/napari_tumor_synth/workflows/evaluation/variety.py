"""The part of an evaluation that measures how varied the set is."""

from collections.abc import Sequence

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.evaluation.diversity_compared import DiversityComparison, compare_diversity
from napari_tumor_synth.evaluation.ms_ssim_definition import settings_for
from napari_tumor_synth.evaluation.report.document import Section, Table
from napari_tumor_synth.progress import OnProgress
from napari_tumor_synth.workflows.evaluation.part import Part, told_as
from napari_tumor_synth.workflows.evaluation.sets import EvaluationSets

CHOSEN = ("wang2003-k7", "kwon2019")
"""The standard one first; the papers' layouts have the published one."""
PUBLISHED = "kwon2019"
EXPLANATION = (
    "MS-SSIM among random pairs of one set: 1 when all are the same. A generator is as varied as "
    "reality when its figure is that of real ROIs of the same class; higher means less variety, "
    "lower no merit. Figures of different presets must not be compared: on the same pairs they "
    "differ by more than the models of the papers do.",
    "kwon2019 is the published implementation, which applies the last level once for each of the "
    "others; wang2003-k7 is the standard with a window that fits.",
)


def variety_part(
    sets: EvaluationSets, pairs: int, seed: int, threads: int | None, on_progress: OnProgress
) -> Part:
    """Measure MS-SSIM within each group, synthetic beside real."""
    found: list[tuple[str, str, DiversityComparison]] = []
    notes: list[str] = []
    for preset in CHOSEN:
        try:
            settings = settings_for(preset, sets.synthetic.size)
        except InputError as error:
            notes.append(f"{preset}: {error.problem}")
            continue
        for group in sets.groups():
            try:
                compared = compare_diversity(
                    group.synthetic,
                    group.real,
                    pairs,
                    seed,
                    settings,
                    told_as(on_progress, f"MS-SSIM, {group.name}"),
                    patients=group.patients,
                    threads=threads,
                )
            except InputError as error:
                notes.append(f"{preset}, {group.name}: {error.problem}")
                continue
            found.append((group.name, preset, compared))
    return Part(
        "variety",
        Section("Is the set as varied as real ROIs?", (*EXPLANATION, *notes), (_table(found),)),
        {
            "ms_ssim": [
                {"group": name, "preset": preset, **one.as_json()} for name, preset, one in found
            ]
        },
        tuple(
            f"MS-SSIM ({preset}), {name}  synthetic {one.synthetic.ms_ssim:.4f}, real "
            f"{one.real.ms_ssim:.4f}, difference {one.difference:+.4f}{_interval(one)}"
            for name, preset, one in found
            if preset == CHOSEN[0]
        ),
        {
            (name, whose, "ms_ssim"): value
            for name, preset, one in found
            if preset == PUBLISHED
            for whose, value in (("synthetic", one.synthetic.ms_ssim), ("real", one.real.ms_ssim))
        },
    )


def _interval(one: DiversityComparison) -> str:
    if one.low is None or one.high is None:
        return ""
    return f" ({one.low:+.4f} to {one.high:+.4f})"


def _table(found: Sequence[tuple[str, str, DiversityComparison]]) -> Table:
    rows = []
    for name, preset, one in found:
        for where in ("whole", "foreground"):
            inside = where == "foreground"
            ours, theirs = (
                (each.foreground, each.foreground_low, each.foreground_high)
                if inside
                else (each.ms_ssim, each.low, each.high)
                for each in (one.synthetic, one.real)
            )
            rows.append(
                (
                    name, preset, where, *ours, *theirs,
                    one.foreground_difference if inside else one.difference,
                    one.foreground_low if inside else one.low,
                    one.foreground_high if inside else one.high,
                    one.synthetic.pairs, one.synthetic.rois, one.real.pairs, one.real.rois,
                    str(one.synthetic.settings),
                )
            )  # fmt: skip
    return Table(
        "ms_ssim",
        "MS-SSIM among random pairs; intervals of 95 % over ROIs and patients",
        (
            "ROIs", "preset", "where", "synthetic", "low (synthetic)", "high (synthetic)",
            "real", "low (real)", "high (real)", "difference", "low", "high",
            "synthetic pairs", "n synthetic", "real pairs", "n real", "definition",
        ),
        tuple(rows),
    )  # fmt: skip
