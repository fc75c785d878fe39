"""Sections of a model card on what was measured after the model was stored."""

from typing import Any

REAL = """### Reconstructions of real tumours

What a model that learned from phantoms makes of patients' ROIs, which it never saw: outside of what
it was made for, and no measure of its samples. FLAIR of public cases, cut and reconstructed as by
`tumor-synth roi` and `tumor-synth reconstruct` (`scripts/reconstruct_cases.py`); mean (least to
most). SHA-256 of the measured file: `{sha256}…`.

| class | cases | PSNR, dB | 3D-SSIM | foreground PSNR, dB | foreground 3D-SSIM |
|---|---|---|---|---|---|
{rows}

"""


EVALUATED = """### Copies, distance and variety

{synthetic} generated ROIs against the {real} phantoms of training and test
([the whole report]({name}-evaluation.md), [how to read it](../evaluation.md)):

| figure | value | 95 % interval |
|---|---|---|
{rows}

"""


def evaluated(name: str, measured: dict[str, Any]) -> str:
    """Return the section on what `tumor-synth evaluate` measured, of whichever model it says."""
    lines = [
        (one["name"], one["value"], one["low"], one["high"])
        for one in measured["memorisation"]["figures"]
    ]
    lines += [
        (f"unbiased MMD², {one['group']} (p = {one['p_value']:.2g})", *_three(one, "value", ""))
        for one in measured["voxels"]["mmd_rbf"]
    ]
    lines += [
        (f"KID, {one['extractor']}, {one['view']}, {one['group']}", *_three(one, "kid", "kid_"))
        for one in measured["features"]["distances"]
        if one["extractor"] == "EfficientNet-Lite0"
    ]
    lines += [
        (
            f"MS-SSIM ({one['preset']}), {one['group']}: generated less phantoms",
            *_three(one, "difference", ""),
        )
        for one in measured["variety"]["ms_ssim"]
    ]
    rows = "\n".join(
        f"| {what} | {value:.3g} | {_between(low, high)} |"
        for what, value, low, high in lines
        if value is not None
    )
    return EVALUATED.format(
        name=name,
        synthetic=measured["synthetic"]["rois"],
        real=measured["real"]["rois"],
        rows=rows,
    )


def _between(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:.3g} to {high:.3g}"


def _three(
    found: dict[str, Any], value: str, edge: str
) -> tuple[float, float | None, float | None]:
    return found[value], found[f"{edge}low"], found[f"{edge}high"]


def on_real_rois(measured: dict[str, Any]) -> str:
    """Return the section on what the model makes of patients' ROIs.

    Parameters
    ----------
    measured : dict
        What scripts/reconstruct_cases.py found, of whichever model file it says.
    """
    rows = "\n".join(
        f"| {name} | {row['cases']} | {_range(row['psnr_db'], 2)} | {_range(row['ssim'], 3)} | "
        f"{_range(row['foreground_psnr_db'], 2)} | {_range(row['foreground_ssim'], 3)} |"
        for name, row in [*measured["classes"].items(), ("all", measured["all"])]
    )
    return REAL.format(sha256=measured["sha256"][:12], rows=rows)


def _range(values: dict[str, float], digits: int) -> str:
    mean, least, most = (f"{values[key]:.{digits}f}" for key in ("mean", "least", "most"))
    return f"{mean} ({least} to {most})"
