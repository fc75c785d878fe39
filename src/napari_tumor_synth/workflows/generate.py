"""Generate synthetic ROIs and write them: image, mask, provenance and one contact sheet."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.files import writable_folder
from napari_tumor_synth.generators.catalogue import resolve_model
from napari_tumor_synth.generators.devices import choose_device, use_all_cores
from napari_tumor_synth.generators.families import Generator, load_generator
from napari_tumor_synth.generators.provenance import DecodingSettings, read_provenance
from napari_tumor_synth.generators.synthetic import SampleFiles, SyntheticRoi, write_synthetic
from napari_tumor_synth.imaging.contact_sheet import SheetItem, contact_sheet
from napari_tumor_synth.progress import OnProgress, ignore_progress

CONTACT_SHEET = "contact_sheet.png"


@dataclass(frozen=True)
class GenerationRequest:
    """What to generate.

    Attributes
    ----------
    class_name : str
        One of the generator's classes.
    seeds : sequence of int
        One sample each.
    model : str or None
        Catalogue name, checkpoint file or run folder; None is the first of the catalogue.
    device : str
        ``"auto"`` or torch's name of a device.
    decoding : mapping
        Decoding options that differ from the model's own defaults.
    expected_sha256 : str
        Hash the checkpoint must have, or "".
    """

    class_name: str
    seeds: Sequence[int]
    model: str | None = None
    device: str = "auto"
    decoding: Mapping[str, Any] = field(default_factory=dict)
    expected_sha256: str = ""


@dataclass(frozen=True)
class GenerationResult:
    """What was written."""

    samples: tuple[SampleFiles, ...]
    contact_sheet: Path
    model: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the stable keys of ``generate --json``."""
        return {
            "samples": [sample.as_json() for sample in self.samples],
            "contact_sheet": str(self.contact_sheet),
            "model": self.model,
            "seconds": round(self.seconds, 3),
        }


def generate_to_folder(
    request: GenerationRequest, out: Path, *, on_progress: OnProgress = ignore_progress
) -> GenerationResult:
    """Generate the samples of a request and write them to a folder.

    Raises
    ------
    UnknownClassError, InputError, CheckpointError, MemoryLimitError, OutputError
        As their names say. Samples that were whole stay, half-written files do not.
    """
    start = time.monotonic()
    writable_folder(out)
    generator = open_generator(request.model, request.device, request.expected_sha256)
    samples = generator.sample(
        request.class_name,
        request.seeds,
        merged_decoding(generator, request.decoding),
        on_progress=on_progress,
    )
    files = tuple(write_synthetic(sample, out) for sample in samples)
    sheet = out / CONTACT_SHEET
    rows = [(request.class_name, sheet_items(samples))]
    contact_sheet(rows, sheet, title=generator.name, synthetic=True)
    return GenerationResult(files, sheet, generator.name, time.monotonic() - start)


def open_generator(model: str | None, device: str = "auto", expected_sha256: str = "") -> Generator:
    """Load a generator onto a device, its hash verified."""
    use_all_cores()
    path, promised = resolve_model(model)
    return load_generator(
        path, choose_device(device), expected_sha256=expected_sha256 or promised or None
    )


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
        class_name=record.class_name,
        seeds=(record.seed,),
        model=model or record.model_name,
        device=device,
        decoding=record.decoding.model_dump(),
        expected_sha256=record.model_sha256,
    )


def merged_decoding(generator: Generator, changes: Mapping[str, Any]) -> DecodingSettings:
    """Return the generator's decoding settings with the user's changes.

    Raises
    ------
    InputError
        An option is out of its range.
    """
    try:
        return DecodingSettings.model_validate(
            {**generator.default_decoding.model_dump(), **changes}
        )
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        raise InputError(
            f"The decoding option --{option} cannot be {first['input']!r}: {first['msg']}.",
            "See `tumor-synth generate --help`.",
        ) from error


def sheet_items(samples: Sequence[SyntheticRoi]) -> list[SheetItem]:
    """Return the tiles of synthetic ROIs on a contact sheet."""
    return [
        SheetItem(
            image=sample.roi.image[0],
            label=f"{sample.provenance.class_name}, seed {sample.provenance.seed}",
            spacing=sample.roi.spacing,
            mask=sample.roi.mask,
        )
        for sample in samples
    ]
