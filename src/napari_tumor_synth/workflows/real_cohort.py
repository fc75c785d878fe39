"""Cases that are to count as real must not be what a generator made."""

import json
from collections.abc import Iterable
from pathlib import Path

from napari_tumor_synth.errors import CohortError
from napari_tumor_synth.files import sha256_of_file
from napari_tumor_synth.generators.provenance import SYNTHETIC_NOTICE
from napari_tumor_synth.imaging.case import Case
from napari_tumor_synth.imaging.header_text import says_synthetic
from napari_tumor_synth.imaging.roi_cache import RoiCache

_LARGEST_RECORD = 4_000_000  # bytes


def require_real(cases: Iterable[Case], known: frozenset[str] = frozenset()) -> None:
    """Make sure that no image of a cohort is synthetic.

    A synthetic image says so in its header; one whose header was rewritten is known by its hash,
    where the record of its making lies in the same folder.

    Parameters
    ----------
    cases : iterable of Case
    known : frozenset of str
        SHA-256 of other files that are synthetic.

    Raises
    ------
    CohortError
        One is.
    """
    hashes: dict[Path, frozenset[str]] = {}
    for case in cases:
        for path in case.sequences.values():
            folder = path.parent
            if folder not in hashes:
                hashes[folder] = _hashes_in_records(folder) | known
            if says_synthetic(path) or (hashes[folder] and sha256_of_file(path) in hashes[folder]):
                raise _synthetic(path)


def require_real_cache(cache: RoiCache) -> None:
    """Make sure that no case of a prepared cohort is synthetic, as far as it was noticed.

    Raises
    ------
    CohortError
        One is.
    """
    for entry in cache.entries:
        if entry.synthetic:
            raise _synthetic(f"Case {entry.name} of {cache.folder}")


def _synthetic(what: Path | str) -> CohortError:
    return CohortError(
        f"{what} is synthetic: it cannot stand for a real case.",
        "Move synthetic files out of the folder of real cases.",
    )


def _hashes_in_records(folder: Path) -> frozenset[str]:
    """Return the hashes that records of synthetic ROIs in a folder name."""
    found: set[str] = set()
    for path in folder.glob("*.json"):
        try:
            if path.stat().st_size > _LARGEST_RECORD:
                continue
            text = path.read_text("utf-8")
            record = json.loads(text) if SYNTHETIC_NOTICE in text else None
        except (OSError, ValueError, RecursionError):
            continue
        files = record.get("files") if isinstance(record, dict) else None
        if isinstance(files, dict):
            found.update(value for value in files.values() if isinstance(value, str))
    return frozenset(found)
