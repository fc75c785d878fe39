"""How the stages of a 3D-VQGAN training fit into memory; decided once for each run."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Literal

import torch
from lightning_fabric import Fabric
from pydantic import BaseModel, ConfigDict, Field, RootModel

from napari_tumor_synth.errors import MemoryLimitError, TrainingError
from napari_tumor_synth.files import write_json
from napari_tumor_synth.generators.free_memory import free_memory
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.memory.estimate import Fit, MemoryNeed, fit_into
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.json_models import read_model
from napari_tumor_synth.training.vqgan.memory_need import DeviceType, memory_needs
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe

Needs = Callable[[bool], list[MemoryNeed]]
"""Takes whether activations are computed again."""

Recomputing = Literal["auto", "on", "off"]

_NOTE = "fit.json"


class StageFit(BaseModel):
    """How one stage goes through the networks.

    Attributes
    ----------
    micro_batch : int
        ROIs at a time on each device.
    recompute : bool
        Whether activations are computed again in the backward pass.
    """

    model_config = ConfigDict(frozen=True)

    micro_batch: Annotated[int, Field(ge=1)]
    recompute: bool


def fit_stages(
    recipe: VqganRecipe,
    stages: Sequence[str],
    classes: int,
    folder: RunFolder,
    machine: MachineSettings,
    fabric: Fabric,
) -> dict[str, StageFit]:
    """Return how each of the stages fits, as decided when the run began, or else now.

    With batch norm the size of the parts changes the result, so a run keeps to what it began with,
    except for what `machine` asks for itself.

    Raises
    ------
    MemoryLimitError
        A stage does not fit, not even with one ROI at a time.
    TrainingError
        What was noted is damaged.
    """
    fits: dict[str, StageFit] = fabric.broadcast(
        _noted_or_estimated(recipe, stages, classes, folder, machine, fabric)
        if fabric.is_global_zero
        else {}
    )
    changes: dict[str, object] = {}
    if machine.micro_batch is not None:
        changes["micro_batch"] = machine.micro_batch
    if machine.checkpoint_activations != "auto":
        changes["recompute"] = machine.checkpoint_activations == "on"
    return {stage: fit.model_copy(update=changes) for stage, fit in fits.items()}


def _noted_or_estimated(
    recipe: VqganRecipe,
    stages: Sequence[str],
    classes: int,
    folder: RunFolder,
    machine: MachineSettings,
    fabric: Fabric,
) -> dict[str, StageFit]:
    file = folder.path / _NOTE
    if file.is_file():
        fits = read_model(file, RootModel[dict[str, StageFit]], "Remove that file.").root
        if fits.keys() != set(stages):
            raise TrainingError(f"{file} does not name the stages of this run.", "Remove it.")
    else:
        fits = _estimated(recipe, classes, machine, fabric)
        if folder.writes:
            write_json(file, {stage: fit.model_dump() for stage, fit in fits.items()})
    return fits


def needs_of(
    recipe: VqganRecipe, classes: int, device: torch.device, *, shared: bool = False
) -> Needs:
    """Return a function that estimates what the stages hold, each way once, when it is asked for.

    Parameters
    ----------
    recipe : VqganRecipe
        What would be trained.
    classes : int
        Classes of the data.
    device : torch.device
        Where.
    shared : bool
        Several devices work together.
    """
    kind: DeviceType = "cuda" if device.type == "cuda" else "cpu"
    stages = (recipe.autoencoder_training, recipe.decoder_training, recipe.token_training)
    averages = any(stage.ema_decay > 0 for stage in stages if stage is not None)

    @cache
    def needs(recompute: bool) -> list[MemoryNeed]:
        return memory_needs(
            recipe, classes, checkpointed=recompute, ema=averages, device=kind, shared=shared
        )

    return needs


def fit_needs(needs: Needs, batch: int, free: int, mode: Recomputing) -> Fit:
    """Return how needs fit; those with recomputing are estimated only where they matter.

    Raises
    ------
    MemoryLimitError
        As `fit_into`.
    """
    if mode != "on":
        try:
            return fit_into(needs(False), [], batch, free, "off")
        except MemoryLimitError:
            if mode == "off":
                raise
    return fit_into([], needs(True), batch, free, "on")


def _estimated(
    recipe: VqganRecipe, classes: int, machine: MachineSettings, fabric: Fabric
) -> dict[str, StageFit]:
    needs = needs_of(recipe, classes, fabric.device, shared=fabric.world_size > 1)
    free = free_memory(fabric.device)
    if fabric.device.type == "cpu":
        free //= machine.devices
    mode = machine.checkpoint_activations
    fits = {}
    for stage in dict.fromkeys(need.stage for need in needs(mode == "on")):

        def of_stage(recompute: bool, stage: str = stage) -> list[MemoryNeed]:
            return [need for need in needs(recompute) if need.stage == stage]

        largest = -(-max(need.batch for need in of_stage(mode == "on")) // fabric.world_size)
        wanted = largest if machine.micro_batch is None else min(largest, machine.micro_batch)
        fit = fit_needs(of_stage, wanted, free, mode)
        fits[stage] = StageFit(micro_batch=fit.micro_batch, recompute=fit.checkpointed)
    return fits
