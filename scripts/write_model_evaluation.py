"""Write the page on how a bundled model was evaluated, from the report of `tumor-synth evaluate`.

No figure is typed by hand. With a report's folder its results and pictures are kept first::

    python scripts/write_model_evaluation.py phantom-flair-64 REPORT
    python scripts/write_model_evaluation.py phantom-flair-64
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
PICTURES = {"nearest_scores": "nearest-scores", "nearest_pairs": "nearest-pairs", "pca": "pca"}
LEFT_OUT = ("samples", "distributions")  # of 500 ROIs each: too long to keep

TEMPLATE = Path(__file__).parent / "templates" / "model_evaluation.md"


def main() -> None:
    name, *rest = sys.argv[1:]
    if rest:
        keep(name, Path(rest[0]))
    page(name).write_text(render(name, json.loads(kept(name).read_text("utf-8"))), "utf-8")
    print(page(name))


def page(name: str) -> Path:
    return DOCS / "models" / f"{name}-evaluation.md"


def kept(name: str) -> Path:
    return DOCS / "models" / f"{name}.evaluation.json"


def keep(name: str, report: Path) -> None:
    """Keep what a report measured, and its pictures; refuse one of patients."""
    data = json.loads((report / "report.json").read_text("utf-8"))
    if data["real"]["patient_data"]:
        sys.exit("The report is of patients: nothing of it may be published here.")
    for key in LEFT_OUT:
        data["memorisation"].pop(key, None)
    data["memorisation"]["duplicates"] = len(data["memorisation"]["duplicates"])
    text = json.dumps(data, indent=1, ensure_ascii=False)
    kept(name).write_text(f"{text}\n", "utf-8")
    for source, target in PICTURES.items():
        picture = DOCS / "images" / f"{name}-{target}.png"
        shutil.copyfile(report / "pictures" / f"{source}.png", picture)


def render(name: str, data: dict[str, Any]) -> str:
    """Return the page."""
    found = data["memorisation"]
    speed = data["speed"]
    networks = {one["description"]: one["sha256"] for one in data["features"]["distances"]}
    return TEMPLATE.read_text("utf-8").format(
        name=name,
        synthetic=data["synthetic"]["rois"],
        classes=" and ".join(data["synthetic"]["classes"]),
        real=data["real"]["rois"],
        reference=data["reference"],
        grid=data["grid"][0],
        spacing=data["spacing_mm"],
        sequences=", ".join(data["sequences"]),
        seed=data["seed"],
        sha256=data["models"][0]["sha256"],
        memorisation=_table(
            ("figure", "value", "95 % interval", "n"),
            [(one["name"], one["value"], _interval(one), one["n"]) for one in found["figures"]],
        ),
        comparisons=_table(
            (
                "nearest scores of synthetic ROIs against", "difference of medians",
                "95 % interval", "Mann-Whitney p", "Kolmogorov-Smirnov p", "n",
            ),
            [
                (
                    one["second"], one["median_difference"], _interval(one),
                    one["mann_whitney_p"], one["ks_p"], f"{one['n_first']}, {one['n_second']}",
                )
                for one in found["comparisons"]
            ],
        ),
        mmd_kwon=_table(
            (
                "ROIs", "B", "MMD", "95 % interval", "real against real", "collapsed",
                "variance term",
            ),
            [
                (
                    one["group"], one["batch"], one["value"], _interval(one), one["floor"],
                    one["collapsed"], one["variance_term"],
                )
                for one in data["voxels"]["mmd_kwon"]
            ],
        ),
        mmd_rbf=_table(
            ("ROIs", "MMD²", "95 % interval", "p", "real against real, 95 %", "n"),
            [
                (
                    one["group"], one["value"], _interval(one), one["p_value"],
                    _range(one["floor_low"], one["floor_high"]),
                    f"{one['synthetic']}, {one['real']}",
                )
                for one in data["voxels"]["mmd_rbf"]
            ],
        ),
        ms_ssim=_ms_ssim(data["variety"]["ms_ssim"]),
        distances=_table(
            (
                "ROIs", "network", "view", "FID, all", "FID, matched", "FID, real against real",
                "n matched", "KID", "95 % interval", "KID, real against real, 95 %",
            ),
            [
                (
                    one["group"], one["extractor"], one["view"], one["fid"], one["fid_matched"],
                    one["fid_floor"], one["drawn"], one["kid"],
                    _range(one["kid_low"], one["kid_high"]),
                    _range(one["kid_floor_low"], one["kid_floor_high"]),
                )
                for one in data["features"]["distances"]
            ],
        ),
        manifold=_manifold(data["features"]["manifold"]),
        networks="\n".join(
            f"* {description}; SHA-256 `{sha256[:16]}…`" for description, sha256 in networks.items()
        ),
        speed=_table(
            ("model", "weights, M", "seconds an ROI (median)", "least to most", "on", "precision"),
            [
                (
                    speed["model"], speed["weights_m"], speed["seconds"]["median"],
                    _range(speed["seconds"]["least"], speed["seconds"]["most"]), speed["device"],
                    speed["precision"],
                )
            ],
        ),
    )  # fmt: skip


def _ms_ssim(found: list[dict[str, Any]]) -> str:
    rows = [
        (
            one["group"],
            one["preset"],
            where,
            one["synthetic"][key],
            one["real"][key],
            one[difference],
            _range(one[low], one[high]),
        )
        for one in found
        for where, key, difference, low, high in (
            ("whole", "ms_ssim", "difference", "low", "high"),
            (
                "foreground",
                "foreground",
                "foreground_difference",
                "foreground_low",
                "foreground_high",
            ),
        )
    ]
    header = ("ROIs", "MS-SSIM", "where", "synthetic", "real", "difference", "95 % interval")
    return _table(header, rows)


def _manifold(found: list[dict[str, Any]]) -> str:
    rows = [
        (
            one["group"], one["extractor"], figure, matched["mean"],
            _range(matched["low"], matched["high"]), one["baseline"][figure]["mean"],
            _range(one["baseline"][figure]["low"], one["baseline"][figure]["high"]), one["drawn"],
        )
        for one in found
        for figure, matched in one["synthetic"].items()
    ]  # fmt: skip
    return _table(
        (
            "ROIs", "network", "figure", "synthetic, matched", "95 % of splits",
            "real against real", "95 % of splits", "n",
        ),
        rows,
    )  # fmt: skip


def _interval(found: dict[str, Any]) -> str:
    return _range(found["low"], found["high"])


def _range(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{_cell(low)} to {_cell(high)}"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def _table(header: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


if __name__ == "__main__":
    main()
