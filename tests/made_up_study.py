"""A small study without patients, and readers who answer at random."""

from pathlib import Path

import numpy as np

from made_up_pools import pool
from napari_tumor_synth.study.design import StudyDesign
from napari_tumor_synth.study.key_file import read_key_file
from napari_tumor_synth.study.making import MadeStudy, make_study
from napari_tumor_synth.study.reading import open_reading

SMALL = {
    "readers": ("R1", "R2"), "real": 6, "synthetic": 6, "training": 2, "repeats": 0.2,
    "repeat_spacing": 3, "block_size": 6, "longest_run": 6,
}  # fmt: skip


def made_up_study(folder: Path, generators: int = 1, **design: object) -> MadeStudy:
    """Make a study of a dozen cases in a folder, with the key beside it."""
    plan = StudyDesign.model_validate({**SMALL, **design})
    count = max(40, plan.real + 10, plan.synthetic + 10)
    pools = [pool("vqgan", count), pool("wgan", count, start=900)]
    return make_study(
        plan, pool(count=count), pools[:generators], folder / "study",
        folder / "key.json", sequence="flair", seed=3,
    )  # fmt: skip


def read_all(made: MadeStudy, reader: str, skill: float = 0.0, seed: int = 0) -> None:
    """Answer all cases as a reader of a known d' does, as fast as can be."""
    rng = np.random.default_rng([seed, *reader.encode()])
    key = read_key_file(made.key, made.study.file)
    reading = open_reading(made.study, reader)
    reading.agree(experience="simulated")
    while reading.phase != "finished":
        if reading.phase == "break":
            reading.end_break()
        elif reading.phase == "feedback":
            reading.end_feedback()
        else:
            shown = reading.step.presentation.images
            truth = key.images[shown[-1]].truth == "synthetic"
            seen = rng.standard_normal() + skill * (truth - 0.5)
            reading.shown()
            reading.note("slice", plane="axial", index=int(rng.integers(24)))
            reading.rate(1 + int(np.digitize(seen, [-1, -0.4, 0, 0.4, 1])))
            reading.confirm()
    reading.close()
