"""The stages of a 3D-VQGAN, one after the other, then the checkpoint."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import torch
from lightning_fabric import Fabric

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.generators.devices import choose_device, use_all_cores
from napari_tumor_synth.generators.vqgan_checkpoint import save_vqgan
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import OnProgress, Progress
from napari_tumor_synth.training.engine import EngineSettings, run_stage
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.mask_calibration import calibrated_threshold
from napari_tumor_synth.training.run_folder import RunFolder
from napari_tumor_synth.training.stage import Stage
from napari_tumor_synth.training.stopping import watched
from napari_tumor_synth.training.vqgan_autoencoder import AutoencoderStage
from napari_tumor_synth.training.vqgan_decoder import DecoderStage
from napari_tumor_synth.training.vqgan_recipe import VqganRecipe, generator_settings
from napari_tumor_synth.training.vqgan_tokens import encode_once
from napari_tumor_synth.training.vqgan_transformer import TransformerStage

_REVIEWED_ROIS = 16
_CALIBRATED_ROIS = 32
_ONLY_CLASS = "tumour"
"""What an unconditional model of a cache without classes makes."""


def stage_names(recipe: VqganRecipe) -> tuple[str, ...]:
    """Return the stages of a recipe in order."""
    later = (DecoderStage.name,) if recipe.decoder_training is not None else ()
    return (AutoencoderStage.name, *later, TransformerStage.name)


def require_trainable(recipe: VqganRecipe, cache: RoiCache, machine: MachineSettings) -> None:
    """Make sure that recipe, classes and machine go together.

    Raises
    ------
    TrainingError
        As the sentence says.
    """
    found = ", ".join(cache.classes)
    if recipe.conditional and recipe.transformer.classes != len(cache.classes):
        raise TrainingError(
            f"The recipe {recipe.name} is for {recipe.transformer.classes} classes, but the cache "
            f"has {len(cache.classes)}: {found}.",
            "Set transformer.classes in a copy of the recipe.",
        )
    if not recipe.conditional and len(cache.classes) > 1:
        raise TrainingError(
            f"The recipe {recipe.name} knows no classes, but the cache has several: {found}.",
            "Prepare the cases of one class, or choose a class-conditional recipe.",
        )
    require_safe_precision(recipe, choose_device(machine.device))


def train_vqgan(
    recipe: VqganRecipe,
    cache: RoiCache,
    folder: RunFolder,
    machine: MachineSettings,
    settings: EngineSettings,
    on_progress: OnProgress,
) -> None:
    """Train all stages from where the run stands, and export the checkpoint.

    Raises
    ------
    TrainingError, OutputError, Cancelled, StopAsked, TimeIsUp
        As `run_stage`.
    """
    fabric = _fabric(recipe, choose_device(machine.device))
    autoencoders = _train_autoencoder(recipe, cache, folder, fabric, settings, on_progress)
    transformer = _train_transformer(
        recipe, cache, folder, fabric, settings, autoencoders[0], on_progress
    )
    on_progress(Progress(0, 1, "finding where masks end"))
    _export(recipe, cache, folder, autoencoders, transformer)


def require_safe_precision(recipe: VqganRecipe, device: torch.device) -> None:
    """Refuse shapes for which the processor's bfloat16 convolutions give wrong gradients.

    Measured with torch 2.13: the weight gradient of a 3D convolution in bfloat16 holds garbage
    when its input is two voxels long along the first axis.

    Raises
    ------
    TrainingError
        Patches are too small.
    """
    if device.type != "cpu" or recipe.precision != "bf16-mixed":
        return
    smallest = recipe.autoencoder.downsampling
    if recipe.discriminator is not None:
        smallest = max(smallest, 2 ** len(recipe.discriminator.widths))
    later = recipe.decoder_training.phases if recipe.decoder_training else ()
    for phase in (*recipe.autoencoder_training.phases, *later):
        if min(*recipe.size, phase.crop or max(recipe.size)) < 3 * smallest:
            raise TrainingError(
                f"Patches of {phase.crop or min(recipe.size)} voxels are too small for "
                "bfloat16 on a processor, whose gradients would be wrong.",
                f"Use patches of at least {3 * smallest} voxels, or precision 32-true.",
            )


def _train_autoencoder(
    recipe: VqganRecipe,
    cache: RoiCache,
    folder: RunFolder,
    fabric: Fabric,
    settings: EngineSettings,
    on_progress: OnProgress,
) -> list[AutoencoderStage]:
    """Return the first stage, and the decoder's if the recipe has it; the last counts."""
    first = AutoencoderStage(
        recipe,
        cache,
        cache.indices("train"),
        _of_every_class(cache, cache.indices("validation"))[:_REVIEWED_ROIS],
        len(cache.classes),
        fabric,
        folder.path / "sheets",
    )
    _run_or_load(first, folder, settings, on_progress)
    if recipe.decoder_training is None:
        return [first]
    second = DecoderStage(first)
    _run_or_load(second, folder, settings, on_progress)
    return [first, second]


def _train_transformer(
    recipe: VqganRecipe,
    cache: RoiCache,
    folder: RunFolder,
    fabric: Fabric,
    settings: EngineSettings,
    autoencoder: AutoencoderStage,
    on_progress: OnProgress,
) -> TransformerStage:
    listener = watched(folder, on_progress, settings.deadline)
    sets = [
        encode_once(
            folder.path / f"tokens-{split}.safetensors",
            autoencoder.bare,
            cache,
            cache.indices(split),
            fabric,
            mirror=recipe.token_training.mirror and split == "train",
            on_progress=listener,
        )
        for split in ("train", "validation")
    ]
    stage = TransformerStage(recipe, sets[0], sets[1], fabric)
    _run_or_load(stage, folder, settings, on_progress)
    return stage


def _run_or_load(
    stage: Stage, folder: RunFolder, settings: EngineSettings, on_progress: OnProgress
) -> None:
    if not folder.finished(stage.name):
        figures = run_stage(stage, folder, settings, on_progress)
        folder.finish(stage.name, {"steps": stage.total_steps, "last_review": dict(figures)})
        return
    latest = folder.latest_state(stage.name)
    if latest is None:
        raise TrainingError(
            f"The finished {stage.name} of this run has no state any more.", "Train it again."
        )
    stage.load_state(latest[1])


def _export(
    recipe: VqganRecipe,
    cache: RoiCache,
    folder: RunFolder,
    autoencoders: Sequence[AutoencoderStage],
    transformer: TransformerStage,
) -> None:
    autoencoder = autoencoders[-1]
    held_out = _of_every_class(cache, cache.indices("validation"))[:_CALIBRATED_ROIS]
    threshold = calibrated_threshold(autoencoder.bare.vqgan, cache, held_out, autoencoder.fabric)
    classes = tuple(cache.classes) or (_ONLY_CLASS,)
    settings = generator_settings(recipe, classes, threshold)
    states = {
        "autoencoder": autoencoder.bare.vqgan.state_dict(),
        "transformer": transformer.bare.state_dict(),
    }
    if autoencoder.bare.importance is not None:
        states["importance"] = autoencoder.bare.importance.state_dict()
    stages: list[Stage] = [*autoencoders, transformer]
    described = folder.description()
    provenance: dict[str, Any] = {
        "recipe": described["recipe"],
        "data": described["data"],
        "rois": {split: len(cache.indices(split)) for split in ("train", "validation", "test")},
        "environment": described["environment"],
        "metrics": {
            stage.name: folder.summary(stage.name).get("last_review", {}) for stage in stages
        },
        "licence": "as the data's owner decides",
    }
    save_vqgan(folder.checkpoint, settings, states, provenance)


def _of_every_class(cache: RoiCache, indices: Sequence[int]) -> list[int]:
    """Return the ROIs with their classes taking turns."""
    by_class: dict[int, list[int]] = {}
    for index in indices:
        by_class.setdefault(cache.class_index(index), []).append(index)
    turns = zip_longest(*(by_class[number] for number in sorted(by_class)))
    return [index for turn in turns for index in turn if index is not None]


def _fabric(recipe: VqganRecipe, device: torch.device) -> Fabric:
    use_all_cores()
    index = [device.index or 0] if device.type == "cuda" else 1
    return Fabric(accelerator=device.type, devices=index, precision=recipe.precision)
