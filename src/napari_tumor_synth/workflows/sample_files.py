"""Which earlier samples a new one may replace."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.generators.families import Generator
from napari_tumor_synth.generators.provenance import (
    SYNTHETIC_NOTICE,
    DecodingSettings,
    Provenance,
    read_provenance,
    versions,
)
from napari_tumor_synth.generators.synthetic import (
    SampleFiles,
    SyntheticRoi,
    sample_files,
    write_synthetic,
)
from napari_tumor_synth.workflows.outputs import (
    ANOTHER_FOLDER,
    is_described_as,
    require_replaceable,
)
from napari_tumor_synth.workflows.sample_sheet import CONTACT_SHEET, is_sample_sheet


def require_room_for_samples(
    generator: Generator,
    classes: Sequence[str],
    seeds: Sequence[int],
    decoding: DecodingSettings,
    folder: Path,
    *,
    overwrite: bool,
) -> None:
    """Make sure that only the same samples, and what a stopped call left, will be replaced.

    Another precision or kind of device, like another version of torch, rounds differently, so that
    the same seed may give another sample.

    Raises
    ------
    OutputError
        A sample of another model, drawn in another way or elsewhere, or any other file is in the
        way.
    """
    place = (generator.device.type, generator.precision, versions()["torch"])
    require_replaceable(folder / CONTACT_SHEET, is_sample_sheet, overwrite=overwrite)
    for class_name in classes:
        for seed in seeds:
            files = sample_files(folder, class_name, seed, generator.sequences)

            def is_same_record(
                path: Path, wanted: tuple[str, str, int] = (generator.sha256, class_name, seed)
            ) -> bool:
                record = _record_in(path)
                return record is not None and (
                    (record.model_sha256, record.class_name, record.seed) == wanted
                    and record.decoding.like(decoding)
                    and (record.device, record.precision, record.versions.get("torch")) == place
                )

            _require_room(files, is_same_record, overwrite=overwrite)


def save_sample(sample: SyntheticRoi, folder: Path) -> SampleFiles:
    """Write a sample that was made already; only the same one is replaced.

    Raises
    ------
    OutputError
        The folder is not writable, or any other file is in the way.
    """
    record = sample.provenance
    files = sample_files(folder, record.class_name, record.seed, record.sequences)
    _require_room(
        files,
        lambda path: (found := _record_in(path)) is not None and _pinned(found) == _pinned(record),
        remedy=ANOTHER_FOLDER,
    )
    return write_synthetic(sample, folder)


def _require_room(files: SampleFiles, is_same_record: Callable[[Path], bool], **how: Any) -> None:
    """See `require_replaceable` for what else may be given."""
    require_replaceable(files.provenance, is_same_record, **how)
    for path in (*files.images, files.mask):
        require_replaceable(path, is_described_as(SYNTHETIC_NOTICE), **how)


def _pinned(record: Provenance) -> Provenance:
    """Return what of a record says which sample it is."""
    return record.model_copy(update={"created": "", "files": {}, "seal": None, "copy_check": None})


def _record_in(path: Path) -> Provenance | None:
    try:
        return read_provenance(path)
    except InputError:
        return None
