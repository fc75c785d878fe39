"""The Train panel while a training runs: how live the window stays, and how soon a run stops.

Needs a display: xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/train_panel.py
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shared.measuring import begin, parser, report

CASES = 4  # of each class, simulated; a training needs three
LOOK_S = 15.0
PATIENCE_S = 600.0


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=1)
    options.add_argument("--recipe", default="vqgan-cond-small")
    options.add_argument("--data", type=Path, help="Cohort or cache; default: simulated cases.")
    arguments = options.parse_args(given)
    result = {
        "benchmark": "train_panel",
        "machine": begin(arguments),
        "recipe": Path(arguments.recipe).stem,
    }
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        report({**result, "left_out": "No display: nothing was measured."})
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TUMOR_SYNTH_RUNS"] = str(Path(folder) / "runs")
        os.environ["TUMOR_SYNTH_CACHE"] = str(Path(folder) / "cache")
        report({**result, **_measured(arguments, Path(folder))})


def _measured(arguments: Any, folder: Path) -> dict[str, Any]:
    import napari
    from shared.event_loop import describe, gaps
    from shared.painting import wait

    from napari_tumor_synth.widgets.workbench import Workbench

    look_s = 2.0 if arguments.small else LOOK_S
    viewer = napari.Viewer(show=True)
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench, area="left")
    bench.show_step("6  Train")
    panel = bench.train
    panel.form.recipe.set_value(arguments.recipe)
    panel.form.data.set_value(arguments.data or _cohort(folder))
    panel.form.machine.review_steps.setValue(10)
    wait(lambda: "Takes" in panel.form.estimate.text, PATIENCE_S)
    idle = gaps(lambda: False, look_s)

    start = time.perf_counter()
    panel.buttons.start.click()
    starting = gaps(lambda: _step(panel) >= 1, PATIENCE_S, strict=True)
    started = time.perf_counter() - start
    curves = gaps(lambda: False, look_s)
    button = panel.monitor.previews["reconstructions"]
    wait(button.isVisible, PATIENCE_S)
    button.click()
    wait(lambda: bench.session.preview is not None, PATIENCE_S)
    previews = gaps(lambda: False, look_s)

    start = time.perf_counter()
    panel.buttons.stop.click()
    stopping = gaps(_is_stopped(panel), PATIENCE_S, strict=True)
    stopped = time.perf_counter() - start
    bench.close()
    viewer.close()
    return {
        "start_s": round(started, 2),
        "stop_s": round(stopped, 2),
        "event_loop": {
            "idle_ms": describe(idle),
            "starting_ms": describe(starting),
            "curves_ms": describe(curves),
            "previews_ms": describe(previews),
            "stopping_ms": describe(stopping),
        },
    }


def _cohort(folder: Path) -> Path:
    from napari_tumor_synth.imaging.phantom.settings import PhantomSettings
    from napari_tumor_synth.imaging.phantom.writing import write_phantoms

    only_flair = PhantomSettings(sequences=("flair",))
    write_phantoms(folder / "phantoms", CASES, 1, settings=only_flair, workers=1)
    return folder / "phantoms"


def _step(panel: Any) -> int:
    """Return the step of the first stage that the panel shows."""
    status = None if panel._view is None else panel._view.summary.status
    return 0 if status is None or status.stage != "autoencoder" else int(status.step)


def _is_stopped(panel: Any) -> Callable[[], bool]:
    return lambda: panel._view is not None and panel._view.summary.state == "stopped"


if __name__ == "__main__":
    main()
