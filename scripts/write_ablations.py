"""Write the tables of docs/ablations.md from docs/ablations.json, which `ablations.py` made."""

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
PAGE, RESULTS = DOCS / "ablations.md", DOCS / "ablations.json"


def main() -> None:
    results = json.loads(RESULTS.read_text("utf-8"))
    PAGE.write_text(fill(PAGE.read_text("utf-8"), results), "utf-8")


def fill(page: str, results: dict[str, Any]) -> str:
    """Return the page with its tables written anew."""
    tables = {
        "gradient loss": gradient_loss(results["gradient_loss"]),
        "top-k": masking(results, ("0 %", "25 %", "50 %"), "top-k"),
        "neighbours": masking(results, ("25 %", "double-sided"), "neighbours"),
        "setting": setting(results),
    }
    for name, lines in tables.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        text = "\n".join([begin, *lines, end])
        page = re.sub(
            f"{re.escape(begin)}.*?{re.escape(end)}", lambda _, t=text: t, page, flags=re.S
        )
    return page


def gradient_loss(found: dict[str, Any]) -> list[str]:
    """Return Table 3 of Zhou et al. 2023: all ROIs, as there, and those never trained on."""
    lines = [
        "| gradient loss | PSNR (all) | 3D-SSIM (all) | PSNR (test) | 3D-SSIM (test) "
        "| foreground PSNR (test) |",
        "|---|---|---|---|---|---|",
    ]
    for kind, figures in found.items():
        cells = [
            _with_error(figures[which], name, digits)
            for which, name, digits in (
                ("all", "psnr_db", 2),
                ("all", "ssim", 3),
                ("test", "psnr_db", 2),
                ("test", "ssim", 3),
                ("test", "foreground_psnr_db", 2),
            )
        ]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return lines


def masking(results: dict[str, Any], kinds: tuple[str, ...], heading: str) -> list[str]:
    """Return Table 3 or 4 of Zhou and Khalvati 2024, with intervals of MS-SSIM."""
    real = results["real_ms_ssim"]
    classes = sorted(real, reverse=True)  # LGG first, as in the paper
    lines = [
        f"| {heading} | " + " | ".join(f"{c} MMD | {c} MS-SSIM | {c} ml" for c in classes) + " |",
        "|---|" + "---|" * (3 * len(classes)),
    ]
    for kind in kinds:
        label = "single-sided" if heading == "neighbours" and kind == "25 %" else kind
        cells = []
        for name in classes:
            figures = results["masking"][kind][name]
            mean = 100 * figures["ms_ssim"]["mean"]
            low, high = (100 * figures["ms_ssim"][end] for end in ("low", "high"))
            away = abs(mean - 100 * real[name]["mean"])
            cells += [
                f"{figures['mmd']:.0f}",
                f"{mean:.1f} ({away:.1f}) [{low:.1f}, {high:.1f}]",
                f"{figures['tumour_ml']:.0f}",
            ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines


def setting(results: dict[str, Any]) -> list[str]:
    """Return on what the tables were made."""
    rois = ", ".join(f"{count} for {split}" for split, count in results["rois"].items())
    edge, spacing = results["grid"][0], results["spacing_mm"]
    real = ", ".join(
        f"{name} {100 * found['mean']:.1f} [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"
        for name, found in sorted(results["real_ms_ssim"].items(), reverse=True)
    )
    return [
        f"{results['cases_a_class']} simulated cases of each class ({rois}), {edge}³ voxels at "
        f"{spacing:g} mm; {results['samples_a_class']} samples of each class; seed "
        f"{results['seed']}. MS-SSIM of the simulated cases themselves: {real}.",
    ]


def _with_error(figures: dict[str, float], name: str, digits: int) -> str:
    return f"{figures[name]:.{digits}f} ± {figures[f'{name}_se']:.{digits}f}"


if __name__ == "__main__":
    main()
