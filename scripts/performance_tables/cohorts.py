"""Tables on cutting ROIs."""

from typing import Any

from performance_tables.parts import in_seconds, table


def roi_extraction(result: dict[str, Any]) -> str:
    rows = [(f"read image and segmentation ({result['case']})", in_seconds(result["read"]))]
    rows += [(f"cut the ROI, {box}", in_seconds(found)) for box, found in result["extract"].items()]
    if result["peak_mb"] is not None:
        rows.append(("peak memory", f"{result['peak_mb']:g} MB"))
    return table(("what", "time"), rows)


def prepare(result: dict[str, Any]) -> str:
    rows = [
        (processes, in_seconds(found), f"{found['cases_a_second']:.3g}")
        for processes, found in result["processes"].items()
    ]
    header = (
        "processes",
        f"{result['cases']} cases ({result['cohort']})",
        "cases a second once they run",
    )
    return table(header, rows)
