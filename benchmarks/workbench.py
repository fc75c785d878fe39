"""The workbench: from start to the first ROI, from a slider to the painted planes, and the rest.

Needs a display: xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/workbench.py
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shared.measuring import begin, own_peak, parser, report, summary

BEGUN = time.perf_counter()
COHORT = 335  # cases of BraTS 2019
SEED = 7
REST_S = 2.0  # after which the 3D view is painted, too
PLANES = {"axial", "coronal", "sagittal"}


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=5)
    options.add_argument("--model", default="", help="Name in the catalogue; default: the first.")
    options.add_argument("--case", type=Path, help="Folder of a BraTS case; default: a phantom.")
    arguments = options.parse_args(given)
    result = {"benchmark": "workbench", "machine": begin(arguments)}
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        report({**result, "left_out": "No display: nothing was measured."})
        return
    with tempfile.TemporaryDirectory() as folder:
        report({**result, **_measured(arguments, Path(folder)), "peak_mb": own_peak()})


def _measured(arguments: Any, folder: Path) -> dict[str, Any]:
    import napari
    from shared.painting import Painting, wait

    from napari_tumor_synth.widgets.workbench import Workbench

    viewer = napari.Viewer(show=True)
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench, area="left")
    opened = time.perf_counter() - BEGUN
    painting = Painting(_canvases(bench))
    bench.session.selected_changed.connect(lambda selected: painting.begin())
    if arguments.model:
        bench.generate.model.list.setCurrentText(arguments.model)
    bench.generate.seed.set_value(SEED)
    painting.begin()
    bench.generate.generate()
    wait(lambda: _shows_last(bench, 1) and painting.times.keys() >= PLANES)
    first = max(painting.times[plane] for plane in PLANES) - BEGUN
    repeats = 2 if arguments.small else arguments.repeats
    sliders = [_slider(bench, painting, seed) for seed in range(100, 100 + repeats)]
    cases = [_case(bench, painting, arguments, folder) for _ in range(repeats)]
    found = {
        "model": bench.session.samples[0].provenance.model_name,
        "window_s": round(opened, 3),
        "first_roi_s": round(first, 3),
        "slider_to_planes": summary([planes for planes, _ in sliders]),
        "slider_to_3d": summary([in_3d for _, in_3d in sliders]),
        "case_to_roi": summary([planes for planes, _ in cases]),
        "case_to_3d": summary([in_3d for _, in_3d in cases]),
        "cohort": {"cases": COHORT, **summary([_cohort(folder) for _ in range(repeats)])},
        "event_loop": _event_loop(bench, viewer, painting),
    }
    bench.close()
    viewer.close()
    return found


def _canvases(bench: Any) -> dict[str, Any]:
    from qtpy.QtOpenGLWidgets import QOpenGLWidget

    panes = bench.scene.planes.view.panes
    canvases = {plane: pane.findChild(QOpenGLWidget) for plane, pane in panes.items()}
    return {**canvases, "3d": bench.window().centralWidget().findChild(QOpenGLWidget)}


def _slider(bench: Any, painting: Any, seed: int) -> tuple[float, float]:
    """Move the slider; the time that it must rest is left out."""
    count = len(bench.session.samples) + 1
    start = _rest(painting)
    bench.generate.seed.set_value(seed)
    bench.generate.generate()
    return _painted(painting, start, lambda: _shows_last(bench, count))


def _shows_last(bench: Any, count: int) -> bool:
    """Return whether so many samples were made, and the last is the one that is looked at."""
    made = bench.session.samples
    return len(made) == count and bench.session.selected is made[-1]


def _case(bench: Any, painting: Any, arguments: Any, folder: Path) -> tuple[float, float]:
    """Load a case, from the paths that were dropped to its ROI."""
    from napari_tumor_synth.imaging.phantom.settings import PhantomSettings
    from napari_tumor_synth.imaging.phantom.writing import write_phantoms

    case = arguments.case
    if case is None:
        only_flair = PhantomSettings(sequences=("flair",))
        (case,) = write_phantoms(
            folder / "phantom", 1, SEED, classes=("HGG",), settings=only_flair, workers=1
        )
    bench.session.set_roi(None)
    start = _rest(painting)
    bench.case.load([case])
    return _painted(painting, start, lambda: bench.session.roi is not None)


def _rest(painting: Any) -> float:
    """Return the time once nothing is painted any more."""
    from shared.painting import wait

    wait(lambda: False, seconds=REST_S, strict=False)
    painting.begin()
    return time.perf_counter()


def _painted(painting: Any, start: float, done: Callable[[], bool]) -> tuple[float, float]:
    """Return the seconds until all planes were painted with the result, and until 3D was."""
    from shared.painting import wait

    wait(lambda: done() and painting.times.keys() >= {*PLANES, "3d"})
    planes = max(painting.times[plane] for plane in PLANES)
    return planes - start, painting.times["3d"] - start


def _cohort(folder: Path) -> float:
    """Return the seconds to recognise a cohort of empty files: nothing of them is read."""
    from napari_tumor_synth.workflows.case_files import find_files

    root = folder / "cohort"
    for number in range(COHORT):
        name = f"BraTS19_2013_{number}_1"
        case = root / ("HGG" if number % 4 else "LGG") / name
        case.mkdir(parents=True, exist_ok=True)
        for part in ("flair", "t1", "t1ce", "t2", "seg"):
            (case / f"{name}_{part}.nii.gz").touch()
    start = time.perf_counter()
    assert len(find_files([root]).cases) == COHORT
    return time.perf_counter() - start


def _event_loop(bench: Any, viewer: Any, painting: Any) -> dict[str, Any]:
    """Return gaps between turns of the event loop, idle and while generating, 3D hidden."""
    from shared.event_loop import describe, gaps

    _canvases(bench)["3d"].hide()
    _rest(painting)
    idle = gaps(lambda: False, seconds=3)
    bench.generate.count.setValue(8)
    count = len(bench.session.samples) + 8
    bench.generate.generate()
    busy = gaps(lambda: _shows_last(bench, count) and painting.times.keys() >= PLANES, 120)
    return {"idle_ms": describe(idle), "generating_ms": describe(busy)}


if __name__ == "__main__":
    main()
