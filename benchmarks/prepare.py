"""`prepare` of a cohort: time and cases a second with one process, and with one a core."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from shared.measuring import begin, parser, report, summary

from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.processors import available_cores

BOX = RoiSettings(size=(128, 128, 128), spacing_mm=1.0)


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=3)
    options.add_argument("--cohort", type=Path, help="Default: phantoms.")
    options.add_argument("--cases", type=int, default=24, help="How many phantoms of each class.")
    arguments = options.parse_args(given)
    machine = begin(arguments)
    with tempfile.TemporaryDirectory() as folder:
        cohort = arguments.cohort
        if cohort is None:
            cohort = _phantoms(Path(folder), 2 if arguments.small else arguments.cases)
        workers, cases = {}, 0
        for processes in sorted({1, available_cores()}):
            seconds, rates = [], []
            for run in range(arguments.repeats):
                marks = [time.perf_counter()]
                cache = prepare_cohort(
                    cohort,
                    Path(folder) / f"{processes}-{run}",
                    BOX,
                    workers=processes,
                    on_progress=lambda _, marks=marks: marks.append(time.perf_counter()),  # type: ignore[misc]
                )
                seconds.append(time.perf_counter() - marks[0])
                rates.append((len(marks) - 2) / (marks[-1] - marks[1]))
                cases = len(cache.entries)
            workers[str(processes)] = {
                **summary(seconds),
                "cases_a_second": round(median(rates), 2),
            }
    report(
        {
            "benchmark": "prepare",
            "machine": machine,
            "cohort": "given" if arguments.cohort else "phantoms",
            "cases": cases,
            "processes": workers,
        }
    )


def _phantoms(folder: Path, count: int) -> Path:
    # here, because every process of `prepare` imports what stands at the top
    from napari_tumor_synth.imaging.phantom.settings import PhantomSettings
    from napari_tumor_synth.imaging.phantom.writing import write_phantoms

    write_phantoms(folder / "phantoms", count, 0, settings=PhantomSettings(sequences=("flair",)))
    return folder / "phantoms"


if __name__ == "__main__":
    main()
