"""How the stages of a 3D-VQGAN training fit into memory; decided once for each run."""

from dataclasses import dataclass

from lightning_fabric import Fabric

from napari_tumor_synth.training.free_memory import free_memory
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.memory_estimate import fit_into
from napari_tumor_synth.training.run_folder import RunFolder
from napari_tumor_synth.training.run_notes import note, noted
from napari_tumor_synth.training.vqgan_memory_need import DeviceType, memory_needs
from napari_tumor_synth.training.vqgan_recipe import VqganRecipe

_NOTE = "fit"


@dataclass(frozen=True)
class StageFit:
    """How one stage goes through the networks.

    Attributes
    ----------
    micro_batch : int
        ROIs at a time on each device.
    recompute : bool
        Whether activations are computed again in the backward pass.
    """

    micro_batch: int
    recompute: bool


def fit_stages(
    recipe: VqganRecipe, classes: int, folder: RunFolder, machine: MachineSettings, fabric: Fabric
) -> dict[str, StageFit]:
    """Return how each stage fits, as decided when the run began, or else now.

    With batch norm the size of the parts changes the result, so a run keeps to what it began with,
    except for what `machine` asks for itself.

    Raises
    ------
    MemoryLimitError
        A stage does not fit, not even with one ROI at a time.
    """
    begun_with = noted(folder, _NOTE)
    if not begun_with:
        begun_with = fabric.broadcast(_estimated(recipe, classes, machine, fabric))
        note(folder, _NOTE, begun_with)
    asked = machine.micro_batch
    return {
        stage: StageFit(
            asked if asked is not None else int(fit["micro_batch"]), bool(fit["recompute"])
        )
        for stage, fit in begun_with.items()
    }


def _estimated(
    recipe: VqganRecipe, classes: int, machine: MachineSettings, fabric: Fabric
) -> dict[str, dict[str, int]]:
    kind: DeviceType = "cuda" if fabric.device.type == "cuda" else "cpu"
    shared = fabric.world_size > 1
    plain, sparing = (
        memory_needs(
            recipe, classes, checkpointed=again, ema=_averages(recipe), device=kind, shared=shared
        )
        for again in (False, True)
    )
    free = free_memory(fabric.device)
    if fabric.device.type == "cpu":
        free //= machine.devices
    fits = {}
    for stage in dict.fromkeys(need.stage for need in plain):
        of_stage, of_stage_sparing = (
            [need for need in needs if need.stage == stage] for needs in (plain, sparing)
        )
        largest = -(-max(need.batch for need in of_stage) // fabric.world_size)
        wanted = largest if machine.micro_batch is None else min(largest, machine.micro_batch)
        fit = fit_into(of_stage, of_stage_sparing, wanted, free, machine.checkpoint_activations)
        fits[stage] = {"micro_batch": fit.micro_batch, "recompute": fit.checkpointed}
    return fits


def _averages(recipe: VqganRecipe) -> bool:
    stages = (recipe.autoencoder_training, recipe.decoder_training, recipe.token_training)
    return any(stage.ema_decay > 0 for stage in stages if stage is not None)
