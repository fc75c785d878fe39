"""A model card to be completed by whoever passes a model on."""

from collections.abc import Mapping
from typing import Any

from napari_tumor_synth.generators.checkpoint import Checkpoint

_CARD = """# Model card: {name}

**Not for clinical use.** Everything this model makes is synthetic, and marked as such.

| | |
|---|---|
| family | {family} |
| makes | tumour ROIs, {sequences}, {classes}, {grid} voxels at {spacing:g} mm |
| weights | {millions:.2f} M numbers, stored as float16, {megabytes:.1f} MB |
| SHA-256 | `{sha256}` |
| licence | {licence} |
| made by | {made_by} |
| training | {training} |

## Data

{rois}. Hash of the data: `{data}`.

TO BE FILLED IN: where the data come from, who may use them and this model, which sequences and
scanners, how cases were chosen and segmented. Weights learned from patients' images may give parts
of them away: compare samples with the training data before passing the model on.

## Measured in training

On held-out ROIs, by the last review of each stage. PSNR and SSIM are for a data range of 2.

{figures}

## Limits

The model draws what its training data hold, and nothing else: other scanners, ages, tumour types
and sequences are outside of it. A sample has no ground truth. No reader has judged these samples.
TO BE FILLED IN: what was measured on samples, such as variety, class agreement and copies.

## Recipe

```json
{recipe}
```
"""


def model_card(checkpoint: Checkpoint, sha256: str, size_bytes: int) -> str:
    """Return the card of a checkpoint, in Markdown, as far as the checkpoint tells.

    Parameters
    ----------
    checkpoint : Checkpoint
    sha256 : str
        Of the file.
    size_bytes : int
        Of the file.
    """
    import json

    settings, told = checkpoint.settings, checkpoint.provenance
    environment = told.get("environment", {})
    made_by = ", ".join(
        f"{name} {environment[name]}"
        for name in ("napari-tumor-synth", "python", "torch")
        if name in environment
    )
    commit = str(environment.get("commit", "unknown"))
    at = "" if commit == "unknown" else f", commit {commit[:12]}"
    return _CARD.format(
        name=settings["name"],
        family=checkpoint.family,
        sequences=", ".join(settings["sequences"]),
        classes=f"classes {', '.join(settings['classes'])}",
        grid=" x ".join(str(edge) for edge in settings["size"]),
        spacing=settings["spacing_mm"],
        millions=sum(tensor.numel() for tensor in checkpoint.tensors.values()) / 1e6,
        megabytes=size_bytes / 1e6,
        sha256=sha256,
        licence=told.get("licence", "TO BE FILLED IN"),
        made_by=f"{made_by or 'unknown'}{at}",
        training=_training(told),
        rois=_rois(told.get("rois", {})),
        data=told.get("data", "unknown"),
        figures=_figures(told.get("metrics", {})),
        recipe=json.dumps(told.get("recipe", {}), indent=2, sort_keys=True),
    )


def _training(told: Mapping[str, Any]) -> str:
    finished = "finished" if told.get("finished", True) else "**not finished when exported**"
    later = told.get("continued_with", [])
    return (
        f"{finished}; gone on with {len(later)} other version(s) of the program"
        if later
        else finished
    )


def rois_in_words(rois: Mapping[str, Any]) -> str:
    """Return what a model was trained on, for one line of a catalogue."""
    return f"{rois.get('train', 'an unknown number of')} ROIs"


def _rois(rois: Mapping[str, Any]) -> str:
    if not rois:
        return "The number of ROIs is not recorded"
    return (
        f"{rois.get('train', 0)} ROIs to learn from, {rois.get('validation', 0)} to watch, "
        f"{rois.get('test', 0)} left aside (split by patient)"
    )


def _figures(metrics: Mapping[str, Any]) -> str:
    rows = [
        f"| {stage} | {name} | {value:.4g} |"
        for stage, figures in metrics.items()
        if isinstance(figures, Mapping)
        for name, value in figures.items()
        if isinstance(value, int | float)
    ]
    if not rows:
        return "Nothing is recorded."
    return "\n".join(["| stage | figure | value |", "|---|---|---|", *rows])
