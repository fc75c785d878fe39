"""Making a sample again from its record: which model made it, and what to ask of it."""

from pathlib import Path

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.generators.catalogue import list_models
from napari_tumor_synth.generators.provenance import Provenance, read_provenance
from napari_tumor_synth.workflows.generate import GenerationRequest


def request_from_provenance(
    path: Path, *, model: str | None = None, device: str = "auto"
) -> GenerationRequest:
    """Make the request that repeats a sample from its provenance.

    Raises
    ------
    InputError
        Not a provenance file, or its model is not installed.
    CheckpointError
        The model of that name is another one (raised when it is loaded).
    """
    record = read_provenance(path)
    return GenerationRequest(
        classes=(record.class_name,),
        seeds=(record.seed,),
        model=model or installed_model(record, path.name),
        device=device,
        precision=record.precision,
        decoding=record.decoding.model_dump(),
        repeat=record,
    )


def installed_model(record: Provenance, what: str) -> str:
    """Return the name under which the model of a record is installed, found by its hash.

    Parameters
    ----------
    record : Provenance
        Its own name of the model is returned if that is installed under none.
    what : str
        Whose record it is, for the message.

    Raises
    ------
    InputError
        Another version of the model is installed.
    """
    models = {listed.entry.sha256: listed.entry.name for listed in list_models()}
    installed = models.get(record.model_sha256)
    if installed is None and record.model_name in models.values():
        raise InputError(
            f"{what} is of another version of {record.model_name} (SHA-256 "
            f"{record.model_sha256[:12]}…) than the one that is installed.",
            "Name the file of that version with --model.",
        )
    return installed or record.model_name
