"""Train a generator by a recipe: both stages, one after the other, then the checkpoint."""

import math
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.generators.devices import (
    choose_device,
    memory_errors_explained,
    use_all_cores,
)
from napari_tumor_synth.generators.provenance import versions
from napari_tumor_synth.generators.vqgan_checkpoint import save_vqgan
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import OnProgress, ignore_progress
from napari_tumor_synth.training.engine import EngineSettings, Stage, TimeIsUp, run_stage
from napari_tumor_synth.training.recipe_files import load_recipe
from napari_tumor_synth.training.run_folder import RunFolder
from napari_tumor_synth.training.vqgan_autoencoder import AutoencoderStage
from napari_tumor_synth.training.vqgan_recipe import VqganRecipe, generator_settings
from napari_tumor_synth.training.vqgan_tokens import encode_once
from napari_tumor_synth.training.vqgan_transformer import TransformerStage

_REVIEWED_ROIS = 16
_SPARE_MEMORY = "Use a recipe with smaller batches or patches; states saved so far remain."


@dataclass(frozen=True)
class TrainingOutcome:
    """How far a training came."""

    run: Path
    finished: bool
    checkpoint: Path | None = None


def train_generator(
    recipe: str | Path | VqganRecipe,
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    device: str = "auto",
    save_minutes: float = 10.0,
    max_minutes: float | None = None,
    review_steps: int = 500,
    on_progress: OnProgress = ignore_progress,
) -> TrainingOutcome:
    """Train both stages and export the checkpoint.

    Parameters
    ----------
    recipe : str, Path or VqganRecipe
        Name of a recipe in the package, a TOML file, or the recipe itself.
    data : Path
        Cache of ROIs made by ``prepare``.
    out : Path
        Folder of the run.
    resume : bool
        Go on with the run in `out`.
    max_minutes : float, optional
        Save and return after this time; the outcome is then not `finished`.

    Raises
    ------
    TrainingError, CohortError, OutputError, InputError, MemoryLimitError
        As their names say. `Cancelled` and KeyboardInterrupt leave a state to resume from.
    """
    chosen = recipe if isinstance(recipe, VqganRecipe) else load_recipe(recipe)
    cache = RoiCache.open(data)
    require_fit(chosen, cache)
    place = choose_device(device)
    require_safe_precision(chosen, place)
    folder = RunFolder(out)
    described = {"recipe": chosen.model_dump(mode="json"), "data": cache.manifest_hash}
    folder.start({**described, "environment": _environment()}, resume=resume)
    settings = EngineSettings(
        save_minutes=save_minutes,
        review_steps=review_steps,
        max_minutes=math.inf if max_minutes is None else max_minutes,
    )
    fabric = _fabric(chosen, place)
    try:
        with memory_errors_explained(_SPARE_MEMORY):
            autoencoder = _train_autoencoder(chosen, cache, folder, fabric, settings, on_progress)
            transformer = _train_transformer(
                chosen, cache, folder, fabric, settings, autoencoder, on_progress
            )
    except TimeIsUp:
        return TrainingOutcome(out, finished=False)
    _export(chosen, cache, folder, autoencoder, transformer)
    return TrainingOutcome(out, finished=True, checkpoint=folder.checkpoint)


def require_fit(recipe: VqganRecipe, cache: RoiCache) -> None:
    """Make sure that the cache holds what the recipe is for.

    Raises
    ------
    TrainingError
        Size, spacing, sequences or classes differ.
    """
    settings = cache.settings
    pairs = {
        "size": (recipe.size, settings.size),
        "spacing_mm": (recipe.spacing_mm, settings.spacing_mm),
        "sequences": (recipe.sequences, tuple(cache.sequences)),
    }
    for name, (wanted, found) in pairs.items():
        if wanted != found:
            raise TrainingError(
                f"The recipe {recipe.name} needs {name} {wanted}, but the cache has {found}.",
                "Prepare the cohort with the recipe's settings.",
            )
    if recipe.conditional and recipe.transformer.classes != len(cache.classes):
        raise TrainingError(
            f"The recipe {recipe.name} is for {recipe.transformer.classes} classes, but the cache "
            f"has {len(cache.classes)}: {', '.join(cache.classes)}.",
            "Set transformer.classes in a copy of the recipe.",
        )
    if not cache.indices("train") or not cache.indices("validation"):
        raise TrainingError(
            "The cache has no ROIs for training or none for validation.",
            "Prepare more cases.",
        )


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
    for phase in recipe.autoencoder_training.phases:
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
) -> AutoencoderStage:
    stage = AutoencoderStage(
        recipe,
        cache,
        cache.indices("train"),
        cache.indices("validation")[:_REVIEWED_ROIS],
        len(cache.classes),
        fabric,
        folder.path / "sheets",
    )
    _run_or_load(stage, folder, settings, on_progress)
    return stage


def _train_transformer(
    recipe: VqganRecipe,
    cache: RoiCache,
    folder: RunFolder,
    fabric: Fabric,
    settings: EngineSettings,
    autoencoder: AutoencoderStage,
    on_progress: OnProgress,
) -> TransformerStage:
    sets = [
        encode_once(
            folder.path / f"tokens-{split}.safetensors",
            autoencoder.bare,
            cache,
            cache.indices(split),
            fabric,
            mirror=recipe.token_training.mirror and split == "train",
            on_progress=on_progress,
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
        run_stage(stage, folder, settings, on_progress)
        folder.finish(stage.name, {"steps": stage.total_steps})
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
    autoencoder: AutoencoderStage,
    transformer: TransformerStage,
) -> None:
    settings = generator_settings(recipe, tuple(cache.classes))
    states = {
        "autoencoder": autoencoder.bare.vqgan.state_dict(),
        "transformer": transformer.bare.state_dict(),
    }
    if autoencoder.bare.importance is not None:
        states["importance"] = autoencoder.bare.importance.state_dict()
    provenance: dict[str, Any] = {
        "recipe": recipe.model_dump(mode="json"),
        "data": cache.manifest_hash,
        "rois": {split: len(cache.indices(split)) for split in ("train", "validation", "test")},
        "environment": _environment(),
        "licence": "as the data's owner decides",
    }
    save_vqgan(folder.checkpoint, settings, states, provenance)


def _fabric(recipe: VqganRecipe, device: torch.device) -> Fabric:
    use_all_cores()
    index = [device.index or 0] if device.type == "cuda" else 1
    return Fabric(accelerator=device.type, devices=index, precision=recipe.precision)


def _environment() -> dict[str, str]:
    return {**versions(), "system": platform.system(), "machine": platform.machine()}
