"""The checkpoint of a 3D-VQGAN training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_tumor_synth.generators.vqgan_checkpoint import save_vqgan
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.notes import noted
from napari_tumor_synth.training.stage import Stage
from napari_tumor_synth.training.vqgan.autoencoder import AutoencoderStage
from napari_tumor_synth.training.vqgan.mask_calibration import calibrated_threshold
from napari_tumor_synth.training.vqgan.recipe import generator_settings
from napari_tumor_synth.training.vqgan.transformer import TransformerStage

ONLY_CLASS = "tumour"
"""What an unconditional model of a cache without classes makes."""


def export_checkpoint(
    autoencoders: Sequence[AutoencoderStage],
    transformer: TransformerStage,
    folder: RunFolder,
    held_out: Sequence[int],
    out: Path,
) -> None:
    """Write what the stages have learnt, with how it came to be.

    Parameters
    ----------
    autoencoders : sequence of AutoencoderStage
        The first stage, and the decoder's if there is one; the last counts.
    transformer : TransformerStage
        The second stage of the papers.
    folder : RunFolder
        Of the run.
    held_out : sequence of int
        ROIs by which the end of masks is chosen.
    out : Path
        The file.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    last = autoencoders[-1]
    recipe, learnt = last.recipe, last.learnt
    threshold = calibrated_threshold(learnt.vqgan, last.source, held_out, last.fabric)
    states = {
        "autoencoder": learnt.vqgan.state_dict(),
        "transformer": transformer.learnt.state_dict(),
    }
    if learnt.importance is not None:
        states["importance"] = learnt.importance.state_dict()
    settings = generator_settings(recipe, transformer.classes, threshold)
    save_vqgan(out, settings, states, _provenance(folder, [*autoencoders, transformer]))


def _provenance(folder: RunFolder, stages: Sequence[Stage]) -> dict[str, Any]:
    described = folder.description()
    kept = ("recipe", "data", "rois", "environment", "continued_with")
    return {
        **{name: described[name] for name in kept},
        "metrics": {
            stage.name: folder.summary(stage.name).get("last_review", {})
            for stage in stages
            if folder.finished(stage.name)
        },
        "finished": all(folder.finished(stage.name) for stage in stages),
        "diagnosis": noted(folder, "diagnosis").get("figures", {}),
        "licence": "as the data's owner decides",
    }
