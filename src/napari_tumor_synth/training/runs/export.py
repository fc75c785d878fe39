"""From a run to a model that others can use: checkpoint, model card, catalogue entry."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from napari_tumor_synth.errors import InputError, TrainingError
from napari_tumor_synth.files import atomic_file, sha256_of_file
from napari_tumor_synth.folders import user_models_folder
from napari_tumor_synth.generators.catalogue import (
    CatalogueEntry,
    add_to_catalogue,
    list_models,
)
from napari_tumor_synth.generators.checkpoint import (
    Checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.training.families import FAMILIES
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.model_card import model_card, rois_in_words
from napari_tumor_synth.training.runs.plan import plan_run
from napari_tumor_synth.training.runs.prepared import is_cache, prepared_folder
from napari_tumor_synth.training.runs.record import read_record
from napari_tumor_synth.training.runs.status import is_running

_EXPORT = "export"
_NAME = r"[a-z0-9][a-z0-9.-]*"


@dataclass(frozen=True)
class ExportedModel:
    """What `export_run` wrote.

    Attributes
    ----------
    path, card : Path
        Checkpoint and model card, beside each other.
    sha256 : str
        Of the checkpoint.
    entry : CatalogueEntry, optional
        Its entry in the user's catalogue, if it was installed.
    """

    path: Path
    card: Path
    sha256: str
    entry: CatalogueEntry | None = None


def export_run(
    run: Path,
    out: Path | None = None,
    *,
    install: bool = False,
    name: str | None = None,
    licence: str | None = None,
    machine: MachineSettings | None = None,
    overwrite: bool = False,
) -> ExportedModel:
    """Write the model of a run, finished or not, with the stub of its model card.

    Parameters
    ----------
    run : Path
        Folder of the run.
    out : Path, optional
        The ``.safetensors`` file; the card goes beside it. Default: below ``export`` in the run's
        folder, or the user's models folder with `install`.
    install : bool
        List the model in the user's own catalogue, so that it can be chosen like any other.
    name : str, optional
        Another name than the recipe's.
    licence : str, optional
        Of the weights.
    machine : MachineSettings, optional
        Where an unfinished run's model is put together; None is the run's own.
    overwrite : bool
        Replace another model of the same name.

    Raises
    ------
    InputError
        Another model of that name is there, or `out` is no name of a checkpoint.
    TrainingError, CheckpointError, CohortError, OutputError
        The run has nothing to export yet, is damaged, lacks its data, or the file cannot be
        written.
    """
    if out is not None and out.suffix != ".safetensors":
        raise InputError(f"{out.name} is no name of a checkpoint.", "End it in .safetensors.")
    content = _named(_content(run, machine), name, licence)
    model = str(content.settings["name"])
    path, entry = out, None
    if install:
        listed = user_models_folder() / f"{model}.safetensors"
        sha256 = _write(content, listed, overwrite=overwrite, listed_as=model)
        entry = _installed(listed, content)
        path = path or listed
    path = path or run / _EXPORT / f"{model}.safetensors"
    if entry is None or out is not None:
        sha256 = _write(content, path, overwrite=overwrite)
    return ExportedModel(path, path.with_suffix(".md"), sha256, entry)


def _content(run: Path, machine: MachineSettings | None) -> Checkpoint:
    folder = RunFolder(run, writes=False)
    if folder.checkpoint.is_file():
        return read_checkpoint(folder.checkpoint)
    read_record(run)
    plan = plan_run(None, None, run, resume=True, machine=machine)
    export = FAMILIES[plan.recipe.family].export
    last = FAMILIES[plan.recipe.family].stages(plan.recipe)[-1]
    if export is None or folder.latest_state(last) is None:
        going_on = "Wait for it." if is_running(run) else "Go on with it by --resume."
        raise TrainingError(
            f"The training in {run} has no model to export yet: its {last} has no state.",
            going_on,
        )
    data = plan.data if is_cache(plan.data) else prepared_folder(plan.data, plan.recipe)
    with tempfile.TemporaryDirectory(prefix="tumor-synth-") as scratch:
        path = Path(scratch) / "unfinished.safetensors"
        export(plan.recipe, RoiCache.open(data), folder, plan.place.machine, path)
        return read_checkpoint(path).in_memory()


def _named(content: Checkpoint, name: str | None, licence: str | None) -> Checkpoint:
    settings, provenance = dict(content.settings), dict(content.provenance)
    if name is not None:
        if not re.fullmatch(_NAME, name):
            raise InputError(
                f"{name!r} is no name of a model.",
                "Use small letters, digits, dots and hyphens, a letter or digit first.",
            )
        settings["name"] = name
    if licence is not None:
        provenance["licence"] = licence
    return Checkpoint(content.family, settings, provenance, content.tensors)


def _write(content: Checkpoint, path: Path, *, overwrite: bool, listed_as: str = "") -> str:
    with atomic_file(path) as unproven:
        sha256 = write_checkpoint(content, unproven)
        if listed_as:
            _require_unlisted(listed_as, path.parent, sha256)
        if not overwrite and path.is_file() and sha256_of_file(path) != sha256:
            raise InputError(
                f"{path} holds another model.",
                "Choose another name with --name, or replace it with --overwrite.",
            )
        card = model_card(content, sha256, unproven.stat().st_size)
    with atomic_file(path.with_suffix(".md")) as temporary:
        temporary.write_text(card, "utf-8")
    return sha256


def _require_unlisted(model: str, folder: Path, sha256: str) -> None:
    """Refuse the name of a model that is listed elsewhere: of equal names, one would be hidden."""
    for other in list_models():
        if other.entry.name != model or other.entry.sha256 == sha256 or other.folder == folder:
            continue
        raise InputError(
            f"Another model is listed as {model} already: {other.path}.",
            "Choose another name with --name.",
        )


def _installed(path: Path, content: Checkpoint) -> CatalogueEntry:
    told = content.provenance
    return add_to_catalogue(
        path,
        {
            "name": content.settings["name"],
            "description": str(told.get("recipe", {}).get("description", "")),
            "licence": str(told.get("licence", "unknown")),
            "training_data": rois_in_words(told.get("rois", {})),
            "model_card": path.with_suffix(".md").name,
        },
    )
