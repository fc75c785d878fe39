"""The reading window: from an answer to all three planes of the next case painted.

Needs a display: xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/reading.py
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from shared.made_up_rois import made_up_roi
from shared.measuring import begin, own_peak, parser, report, summary

from napari_tumor_synth.study.design import StudyDesign
from napari_tumor_synth.study.making import make_study
from napari_tumor_synth.study.pool import REAL, Pool, PoolRoi
from napari_tumor_synth.study.study_file import Study

MM = 128.0  # edge of an ROI
PATIENCE_S = 60.0


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=30)
    options.add_argument("--size", type=int, default=128)
    arguments = options.parse_args(given)
    size, cases = (24, 5) if arguments.small else (arguments.size, arguments.repeats)
    result = {"benchmark": "reading", "machine": begin(arguments), "size": size}
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        report({**result, "left_out": "No display: nothing was measured."})
        return
    found = {}
    for task in ("single", "2afc"):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            study = _study(Path(folder), task, size, cases)
            found[task] = {"make_s": round(time.perf_counter() - started, 2), **_read(study)}
    report({**result, "tasks": found, "peak_mb": own_peak()})


def _study(folder: Path, task: str, size: int, cases: int) -> Study:
    def image(seed: int) -> Any:
        return made_up_roi(np.random.default_rng(seed), size)

    def pool(generator: str, first: int) -> Pool:
        names = [f"{generator}{number}" for number in range(cases)]
        rois = tuple(
            PoolRoi(name, name, "HGG", generator, name, partial(image, first + number))
            for number, name in enumerate(names)
        )
        return Pool(generator, rois, (size, size, size), MM / size)

    design = StudyDesign(
        task=task, readers=("R1",), real=cases, synthetic=cases, training=0, repeats=0,
        block_size=500, longest_run=20,
    )  # fmt: skip
    return make_study(
        design, pool(REAL, 0), [pool("made", 10_000)], folder / "study", folder / "key.json", seed=0
    ).study


def _read(study: Study) -> dict[str, Any]:
    from qtpy.QtWidgets import QApplication

    from napari_tumor_synth.study.reading import open_reading
    from napari_tumor_synth.widgets.reading.window import ReadingWindow

    app = QApplication.instance() or QApplication([])
    started = time.perf_counter()
    reading = open_reading(study, "R1")
    window = ReadingWindow(reading)
    window.resize(1500, 950)
    window.show()

    def wait(done: Callable[[], bool]) -> float:
        end = time.perf_counter() + PATIENCE_S
        while not done():
            app.processEvents()
            if time.perf_counter() > end:
                raise TimeoutError(reading.phase)
        return time.perf_counter()

    wait(lambda: window.consent.isVisible())
    window.consent.consent.setChecked(True)
    window.consent.begin.click()
    opened = wait(lambda: window.is_on_screen(reading.step)) - started
    seconds, slices = [], []
    while reading.phase == "case":
        app.processEvents()  # a reader looks for a while
        begun = time.perf_counter()
        window.ask("next")
        app.processEvents()
        slices.append(time.perf_counter() - begun)
        window.ask("rate 3")
        begun = time.perf_counter()
        window.ask("confirm")
        if reading.phase == "case":
            seconds.append(wait(lambda: window.is_on_screen(reading.step)) - begun)
    window.close()
    return {"open_s": round(opened, 2), "next_case": summary(seconds), "slice": summary(slices)}


if __name__ == "__main__":
    main()
