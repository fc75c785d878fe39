"""`prepare` of a cohort: cases a second with one process, and with one a core."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from shared.measuring import begin, parser, report, summary

from napari_tumor_synth.imaging.phantom.settings import PhantomSettings
from napari_tumor_synth.imaging.phantom.writing import write_phantoms
from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.processors import available_cores

BOX = RoiSettings(size=(128, 128, 128), spacing_mm=1.0)


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=3)
    options.add_argument("--cohort", type=Path, help="Default: phantoms.")
    options.add_argument("--cases", type=int, default=24, help="How many phantoms.")
    arguments = options.parse_args(given)
    machine = begin(arguments)
    with tempfile.TemporaryDirectory() as folder:
        cohort = arguments.cohort
        if cohort is None:
            cohort = Path(folder) / "phantoms"
            count = 2 if arguments.small else arguments.cases
            write_phantoms(cohort, count, 0, settings=PhantomSettings(sequences=("flair",)))
        workers, cases = {}, 0
        for processes in sorted({1, available_cores()}):
            seconds = []
            for run in range(arguments.repeats):
                started = time.perf_counter()
                cache = prepare_cohort(
                    cohort, Path(folder) / f"{processes}-{run}", BOX, workers=processes
                )
                seconds.append(time.perf_counter() - started)
                cases = len(cache.entries)
            workers[str(processes)] = summary(seconds)
    report(
        {
            "benchmark": "prepare",
            "machine": machine,
            "cohort": "given" if arguments.cohort else "phantoms",
            "cases": cases,
            "processes": workers,
        }
    )


if __name__ == "__main__":
    main()
