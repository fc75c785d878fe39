"""Generate synthetic ROIs and write them: image, mask, provenance and one contact sheet."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from napari_tumor_synth.errors import InputError, OutputError
from napari_tumor_synth.generators.catalogue import resolve_model
from napari_tumor_synth.generators.devices import choose_device, use_all_cores
from napari_tumor_synth.generators.families import Generator, load_generator
from napari_tumor_synth.generators.free_memory import free_memory
from napari_tumor_synth.generators.provenance import DecodingSettings, Provenance
from napari_tumor_synth.generators.seeds import in_batches
from napari_tumor_synth.generators.synthetic import SampleFiles, SyntheticRoi, write_synthetic
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.workflows.copy_guard import (
    CopyGuard,
    GuardSettings,
    Withheld,
    require_no_known_copy,
    require_some_left,
)
from napari_tumor_synth.workflows.outputs import output_folder
from napari_tumor_synth.workflows.sample_files import require_room_for_samples
from napari_tumor_synth.workflows.sample_sheet import SHEET_SAMPLES, write_sample_sheet


@dataclass(frozen=True)
class GenerationRequest:
    """What to generate.

    Attributes
    ----------
    classes : sequence of str
        Among the generator's classes.
    seeds : sequence of int
        One sample of each class each.
    model : str or None
        Catalogue name, checkpoint file or run folder; None is the first of the catalogue.
    device : str
        ``"auto"`` or torch's name of a device.
    precision : str
        As `generators.precision.choose_precision` takes it.
    decoding : mapping
        Decoding options that differ from the model's own defaults.
    repeat : Provenance or None
        Make this one sample again instead; its classes, seeds and decoding are in the record.
    guard : GuardSettings or None
        Compare each sample with real ROIs before it is written, and hold copies back.
    """

    classes: Sequence[str]
    seeds: Sequence[int]
    model: str | None = None
    device: str = "auto"
    precision: str = "auto"
    decoding: Mapping[str, Any] = field(default_factory=dict)
    repeat: Provenance | None = None
    guard: GuardSettings | None = None


@dataclass(frozen=True)
class GenerationResult:
    """What was written.

    Attributes
    ----------
    memory_mb : float
        What sampling took at most, as estimated, in 10^6 bytes, the program itself apart.
    withheld : tuple of Withheld
        Copies of real ROIs, which were not written.
    copies : int
        Copies of real ROIs that were written, because that was asked for.
    """

    samples: tuple[SampleFiles, ...]
    withheld: tuple[Withheld, ...]
    contact_sheet: Path
    model: str
    precision: str
    memory_mb: float
    seconds: float
    copies: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the stable keys of ``generate --json``."""
        return {
            "samples": [sample.as_json() for sample in self.samples],
            "withheld": [one.as_json() for one in self.withheld],
            "copies_written": self.copies,
            "contact_sheet": str(self.contact_sheet),
            "model": self.model,
            "precision": self.precision,
            "memory_mb": round(self.memory_mb, 1),
            "seconds": round(self.seconds, 3),
        }


def generate_to_folder(
    request: GenerationRequest,
    out: Path,
    *,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
    on_plan: Callable[[str], None] = lambda text: None,
) -> GenerationResult:
    """Generate the samples of a request and write them to a folder, some at a time.

    `on_plan` is told once, before anything is drawn anew, how and in how much memory.

    Raises
    ------
    UnknownClassError, InputError, CheckpointError, MemoryLimitError, GalleryError, OutputError
        As their names say; InputError also when all samples are copies of real ROIs. Samples that
        were whole stay, half-written files do not. OutputError also when files of other samples are
        in the way and `overwrite` is False.
    """
    start = time.monotonic()
    require_no_known_copy(request.repeat, request.guard)
    expected = request.repeat.model_sha256 if request.repeat else ""
    generator = open_generator(request.model, request.device, expected, precision=request.precision)
    decoding = merged_decoding(generator, request.decoding)
    if request.repeat is None:
        generator.require(request.classes, request.seeds, decoding)
    guard = None if request.guard is None else CopyGuard(request.guard, generator)
    memory = generator.memory_for(len(request.seeds))
    shown: list[SyntheticRoi] = []
    written: list[SampleFiles] = []
    withheld: list[Withheld] = []
    copies = 0
    with output_folder(out):
        require_room_for_samples(
            generator,
            request.classes,
            request.seeds,
            decoding,
            out,
            overwrite=overwrite,
        )
        if request.repeat is None:
            on_plan(_plan(generator, memory))
        try:
            for made in _samples(generator, request, decoding, on_progress):
                sample = made if guard is None else guard.look_at(made, out)
                if isinstance(sample, Withheld):
                    withheld.append(sample)
                    continue
                written.append(write_synthetic(sample, out))
                checked = sample.provenance.copy_check
                copies += checked is not None and checked.withheld_unless_allowed
                shown += [sample] if len(shown) < SHEET_SAMPLES else []
            require_some_left(len(written), withheld)
            sheet = write_sample_sheet(shown, out, generator.name, of=len(written))
        except OutputError as error:
            raise _with_count(error, len(written)) from error
    seconds = time.monotonic() - start
    return GenerationResult(
        tuple(written),
        tuple(withheld),
        sheet,
        generator.name,
        generator.precision,
        memory / 1e6,
        seconds,
        copies,
    )


def _plan(generator: Generator, memory: int) -> str:
    free = free_memory(generator.device)
    return (
        f"{generator.name} takes about {memory / 1e6:.0f} MB of memory in {generator.precision} on "
        f"the device {generator.device.type}; {free / 1e9:.3g} GB are free."
    )


def open_generator(
    model: str | None,
    device: str = "auto",
    expected_sha256: str = "",
    *,
    precision: str = "auto",
    reserve: int = 0,
) -> Generator:
    """Load a generator onto a device, its hash verified; `reserve` cores stay free."""
    use_all_cores(reserve=reserve)
    path, promised = resolve_model(model)
    return load_generator(
        path,
        choose_device(device),
        expected_sha256=expected_sha256 or promised or None,
        precision=precision,
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


def _samples(
    generator: Generator,
    request: GenerationRequest,
    decoding: DecodingSettings,
    on_progress: OnProgress,
) -> Iterator[SyntheticRoi]:
    if request.repeat is not None:
        yield generator.repeat(request.repeat, on_progress=on_progress)
        return
    seeds, total = request.seeds, len(request.classes) * len(request.seeds)
    done = 0
    for class_name in request.classes:
        for some in in_batches(seeds):  # few are written at a time, so that much is kept
            report = _of_all(on_progress, class_name, done, len(some), total)
            yield from generator.sample(class_name, some, decoding, on_progress=report)
            done += len(some)


def _of_all(
    on_progress: OnProgress, class_name: str, done: int, some: int, total: int
) -> OnProgress:
    """Report the progress of some samples as that of all."""

    def report(progress: Progress) -> None:
        step = done * progress.total + some * progress.step
        message = f"{class_name}, {done} of {total} written"
        on_progress(replace(progress, step=step, total=total * progress.total, message=message))

    return report


def _with_count(error: OutputError, count: int) -> OutputError:
    kept = f" {count} whole sample{'s are' if count > 1 else ' is'} kept." if count else ""
    return OutputError(error.problem + kept, error.remedy)
