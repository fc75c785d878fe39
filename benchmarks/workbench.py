"""The workbench: from start to the first ROI, from a slider to the painted planes, and the rest.

Needs a display: xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/workbench.py
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from shared.measuring import begin, own_peak, parser, report, summary

BEGUN = time.perf_counter()
COHORT = 335  # cases of BraTS 2019
SEED = 7


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

    from napari_tumor_synth.widgets.workbench import Workbench

    viewer = napari.Viewer(show=True)
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench, area="left")
    opened = time.perf_counter() - BEGUN
    if arguments.model:
        bench.generate.model.list.setCurrentText(arguments.model)
    bench.generate.seed.set_value(SEED)
    bench.generate.generate()
    _until(lambda: bool(bench.session.samples))
    _paint(bench)
    first = time.perf_counter() - BEGUN
    repeats = 2 if arguments.small else arguments.repeats
    found = {
        "model": bench.session.samples[0].provenance.model_name,
        "window_s": round(opened, 3),
        "first_roi_s": round(first, 3),
        "slider_to_planes": summary([_slider(bench, seed) for seed in range(100, 100 + repeats)]),
        "case_to_roi": summary([_case(bench, arguments, folder) for _ in range(repeats)]),
        "cohort": {"cases": COHORT, **summary([_cohort(folder) for _ in range(repeats)])},
        "event_loop": _event_loop(bench, viewer),
    }
    bench.close()
    viewer.close()
    return found


def _slider(bench: Any, seed: int) -> float:
    """Return the seconds from a moved slider, without the time it must rest, to painted planes."""
    before = len(bench.session.samples)
    start = time.perf_counter()
    bench.generate.seed.set_value(seed)
    bench.generate.generate()
    _until(lambda: len(bench.session.samples) > before)
    _paint(bench)
    return time.perf_counter() - start


def _case(bench: Any, arguments: Any, folder: Path) -> float:
    from napari_tumor_synth.imaging.phantom.settings import PhantomSettings
    from napari_tumor_synth.imaging.phantom.writing import write_phantoms

    case = arguments.case
    if case is None:
        only_flair = PhantomSettings(sequences=("flair",))
        (case,) = write_phantoms(
            folder / "phantom", 1, SEED, classes=("HGG",), settings=only_flair, workers=1
        )
    bench.session.set_roi(None)
    start = time.perf_counter()
    bench.case.load([case])
    _until(lambda: bench.session.roi is not None)
    _paint(bench)
    return time.perf_counter() - start


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


def _event_loop(bench: Any, viewer: Any) -> dict[str, Any]:
    """Return gaps between turns of the event loop, idle and while generating, 3D hidden."""
    for layer in viewer.layers:
        layer.visible = False
    idle = _gaps(lambda: False, seconds=3)
    bench.generate.count.setValue(8)
    before = len(bench.session.samples)
    bench.generate.generate()
    busy = _gaps(lambda: len(bench.session.samples) == before + 8, seconds=120)
    assert len(bench.session.samples) == before + 8
    return {"idle_ms": _describe(idle), "generating_ms": _describe(busy)}


def _gaps(done: Callable[[], bool], seconds: float) -> list[float]:
    from qtpy.QtCore import QTimer

    ticks: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start(5)
    _until(done, seconds, strict=False)
    timer.stop()
    return [1000 * (later - earlier) for earlier, later in pairwise(ticks)]


def _describe(gaps: list[float]) -> dict[str, float]:
    p95 = statistics.quantiles(gaps, n=20)[-1]
    return {
        "median": round(statistics.median(gaps), 1),
        "p95": round(p95, 1),
        "max": round(max(gaps), 1),
    }


def _paint(bench: Any) -> None:
    for pane in bench.scene.planes.view.panes.values():
        pane.screenshot()


def _until(done: Callable[[], bool], seconds: float = 120, *, strict: bool = True) -> None:
    """Wait as the program does: in Qt's own loop, which leaves the interpreter to the worker."""
    from qtpy.QtCore import QEventLoop, QTimer

    end = time.perf_counter() + seconds
    loop, timer = QEventLoop(), QTimer()
    timer.timeout.connect(lambda: loop.quit() if done() or time.perf_counter() > end else None)
    timer.start(5)
    if not done():
        loop.exec()
    timer.stop()
    if strict and not done():
        raise TimeoutError("the workbench does not get on")


if __name__ == "__main__":
    main()
