"""The stages of a 3D-VQGAN, one after the other, then the checkpoint."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lightning_fabric import Fabric

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.training.data import in_turns
from napari_tumor_synth.training.engine import EngineSettings, run_stage
from napari_tumor_synth.training.fabric import end_others, led, make_fabric
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.notes import note
from napari_tumor_synth.training.runs.stopping import watched
from napari_tumor_synth.training.stage import Stage
from napari_tumor_synth.training.vqgan.autoencoder import AutoencoderStage
from napari_tumor_synth.training.vqgan.decoder import DecoderStage
from napari_tumor_synth.training.vqgan.diagnosis import diagnose
from napari_tumor_synth.training.vqgan.export import ONLY_CLASS, export_checkpoint
from napari_tumor_synth.training.vqgan.fit import fit_stages
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe
from napari_tumor_synth.training.vqgan.tokens import TokenSet, encode_once
from napari_tumor_synth.training.vqgan.transformer import TransformerStage

_REVIEWED_ROIS = 16
_CALIBRATED_ROIS = 32


def stage_names(recipe: VqganRecipe) -> tuple[str, ...]:
    """Return the stages of a recipe in order."""
    later = (DecoderStage.name,) if recipe.decoder_training is not None else ()
    return (AutoencoderStage.name, *later, TransformerStage.name)


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
    TrainingError, MemoryLimitError, OutputError, Cancelled, StopAsked, TimeIsUp
        As `run_stage`, `fit_stages` and `make_fabric`.
    """
    fabric = make_fabric(recipe.precision, machine)
    try:
        _train(_Training(recipe, cache, folder, machine, fabric), settings, on_progress)
    except BaseException:
        end_others(fabric)
        raise


def export_vqgan(
    recipe: VqganRecipe, cache: RoiCache, folder: RunFolder, machine: MachineSettings, out: Path
) -> None:
    """Write the checkpoint of a run from its newest states.

    Raises
    ------
    TrainingError
        Its transformer has not begun to learn.
    """
    alone = replace(machine, devices=1, nodes=1, strategy="auto")
    fabric = make_fabric(recipe.precision, alone)
    training = _Training(recipe, cache, folder, alone, fabric)
    for stage in training.autoencoders():
        if not folder.finished(stage.name):
            raise _no_model_yet(stage.name)
        _load(stage, folder)
    transformer = training.transformer(*training.token_sets(ignore_progress))
    if folder.latest_state(transformer.name) is None:
        raise _no_model_yet(transformer.name)
    _load(transformer, folder)
    training.export(transformer, out)


def _train(training: "_Training", settings: EngineSettings, on_progress: OnProgress) -> None:
    folder, fabric = training.folder, training.fabric
    if training.recipe.precision == "16-mixed" and fabric.device.type == "cpu":
        folder.reporter.log("float16 is not for processors: bfloat16 is used instead")
    listener = watched(folder, on_progress, settings.deadline)
    for stage in training.autoencoders():
        _run_or_load(stage, folder, settings, on_progress)
    for stage in training.stages:
        stage.release()
    transformer = training.transformer(*training.token_sets(listener))
    _run_or_load(transformer, folder, settings, on_progress)

    def conclude() -> None:
        listener(Progress(0, 2, "diagnosis"))
        first, last = training.stages[0], training.stages[-1]
        note(folder, "diagnosis", diagnose(first, last, transformer).noted())
        listener(Progress(1, 2, "finding where masks end"))
        training.export(transformer, folder.checkpoint)

    led(fabric, conclude)


class _Training:
    """What the stages of a run are made of."""

    def __init__(
        self,
        recipe: VqganRecipe,
        cache: RoiCache,
        folder: RunFolder,
        machine: MachineSettings,
        fabric: Fabric,
    ) -> None:
        self.recipe, self.cache, self.folder, self.fabric = recipe, cache, folder, fabric
        names = stage_names(recipe)
        self.fits = fit_stages(recipe, names, len(cache.classes), folder, machine, fabric)
        self.classes = tuple(cache.classes) or (ONLY_CLASS,)
        self.stages: list[AutoencoderStage] = []

    def autoencoders(self) -> Iterator[AutoencoderStage]:
        """Give the first stage, and, once that has learnt, the decoder's if the recipe has it."""
        fit = self.fits[AutoencoderStage.name]
        first = AutoencoderStage(
            self.recipe,
            self.cache,
            self.cache.indices("train"),
            self.held_out()[:_REVIEWED_ROIS],
            len(self.cache.classes),
            self.fabric,
            self.folder.path,
            micro_batch=fit.micro_batch,
            recompute=fit.recompute,
        )
        self.stages.append(first)
        yield first
        if self.recipe.decoder_training is not None:
            fit = self.fits[DecoderStage.name]
            later = DecoderStage(first, micro_batch=fit.micro_batch, recompute=fit.recompute)
            self.stages.append(later)
            yield later

    def token_sets(self, on_progress: OnProgress) -> tuple[TokenSet, TokenSet]:
        """Return the tokens of training and held-out ROIs, as the first stage sees them."""
        training, validation = (
            encode_once(
                self.folder.path / f"tokens-{split}.safetensors",
                self.stages[0].learnt,
                self.cache,
                self.cache.indices(split),
                self.fabric,
                mirror=self.recipe.token_training.mirror and split == "train",
                on_progress=on_progress,
            )
            for split in ("train", "validation")
        )
        return training, validation

    def transformer(self, training: TokenSet, validation: TokenSet) -> TransformerStage:
        """Return the second stage of the papers."""
        fit = self.fits[TransformerStage.name]
        return TransformerStage(
            self.recipe,
            training,
            validation,
            self.fabric,
            self.stages[-1].learnt,
            self.classes,
            self.folder.path,
            micro_batch=fit.micro_batch,
            recompute=fit.recompute,
        )

    def export(self, transformer: TransformerStage, out: Path) -> None:
        """Write the checkpoint."""
        export_checkpoint(
            self.stages, transformer, self.folder, self.held_out()[:_CALIBRATED_ROIS], out
        )

    def held_out(self) -> list[int]:
        """Return the held-out ROIs with their classes taking turns."""
        rois = self.cache.indices("validation")
        return [rois[place] for place in in_turns(map(self.cache.class_index, rois))]


def _run_or_load(
    stage: Stage, folder: RunFolder, settings: EngineSettings, on_progress: OnProgress
) -> None:
    if folder.finished(stage.name):
        _load(stage, folder)
        return
    figures = run_stage(stage, folder, settings, on_progress)
    folder.finish(stage.name, {"steps": stage.total_steps, "last_review": dict(figures)})


def _load(stage: Stage, folder: RunFolder) -> None:
    latest = folder.latest_state(stage.name)
    if latest is None:
        raise TrainingError(
            f"The finished {stage.name} of this run has no state any more.",
            "Put the files of its folder state back, or start a new run: later stages build on it.",
        )
    stage.load_state(latest[1])


def _no_model_yet(stage: str) -> TrainingError:
    return TrainingError(
        f"This run is no model yet: its {stage} has not learnt enough.",
        "Go on with it: tumor-synth train --resume RUN.",
    )
