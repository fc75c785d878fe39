"""Write the tables of docs/performance.md from benchmarks/results/*.json; no figure is typed."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from performance_tables import cohorts, evaluation, generation, training, windows

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "performance.md"
NOT_YET = "Not measured yet: run `make benchmarks`."


def fill(page: str, results: dict[str, dict[str, Any]]) -> str:
    """Replace what stands between the markers of each benchmark."""
    for name, write in TABLES.items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise SystemExit(f"docs/performance.md must hold the markers of {name} once.")
        before, rest = page.split(begin)
        after = rest.split(end)[1]
        page = f"{before}{begin}\n{_part(results.get(name), write)}\n\n{end}{after}"
    return page


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}


def _part(result: dict[str, Any] | None, write: Callable[[dict[str, Any]], str]) -> str:
    if result is None:
        return NOT_YET
    table = result["left_out"] if "left_out" in result else write(result)
    peak = result.get("peak_mb")
    if peak is not None and "MB" not in table:
        table += f"\n\nPeak memory of the process: {peak:g} MB."
    return f"{table}\n\n{_conditions(result['machine'])}" if "machine" in result else table


def _conditions(machine: dict[str, Any]) -> str:
    doubts = [machine["note"], "small settings, no measurement" if machine["small"] else ""]
    said = "; ".join(doubt for doubt in doubts if doubt)
    return (
        f"{machine['processor']}, {machine['threads']} threads, torch {machine['torch']}, Python "
        f"{machine['python']}, {machine['system']}; load before the start "
        f"{machine['load_before']:g}.{f' **{said.capitalize()}.**' if said else ''}"
    )


TABLES = {
    "aims": generation.aims,
    "peers": generation.peers,
    "precision": generation.precision,
    "generate": generation.generate,
    "sampling": generation.sampling,
    "step": generation.step,
    "decoder": generation.decoder,
    "roi_extraction": cohorts.roi_extraction,
    "prepare": cohorts.prepare,
    "ssim": evaluation.ssim,
    "nearest": evaluation.nearest,
    "large_gallery": evaluation.large_gallery,
    "memorisation": evaluation.memorisation,
    "ms_ssim": evaluation.ms_ssim,
    "fid": evaluation.fid,
    "workbench": windows.workbench,
    "train_panel": windows.train_panel,
    "compare_panel": windows.compare_panel,
    "reading": windows.reading,
    "training_step": training.training_step,
    "training_memory": training.training_memory,
    "parameter_counts": generation.parameter_counts,
}


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text("utf-8"), read_results(RESULTS)), "utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)}\n")
