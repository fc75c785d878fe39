"""What a call of `prepare_cohort` has finished: kept line by line, so that the next can go on."""

from pathlib import Path
from typing import Self

from pydantic import ValidationError

from napari_tumor_synth.errors import CohortError, OutputError
from napari_tumor_synth.imaging.cache_manifest import (
    MANIFEST,
    CacheEntry,
    CachePlan,
    read_manifest,
)

JOURNAL = "journal.jsonl"


def read_earlier(folder: Path, plan: CachePlan) -> dict[str, CacheEntry]:
    """Return by case name what an earlier call with the same plan finished in this folder.

    Raises
    ------
    CohortError
        The folder holds a cache of other settings, a damaged or a newer one.
    OutputError
        It holds other files.
    """
    entries: dict[str, CacheEntry] = {}
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        _require_same_plan(folder, manifest.plan, plan)
        entries.update((entry.name, entry) for entry in manifest.entries)
    elif not (folder / JOURNAL).exists() and (others := sorted(folder.iterdir())):
        raise OutputError(
            f"{folder} is no ROI cache and holds other files, such as {others[0].name}.",
            "Choose an empty folder.",
        )
    if (folder / JOURNAL).exists():
        header, journalled = _read_journal(folder / JOURNAL)
        if header is not None and journalled:
            _require_same_plan(folder, header, plan)
        entries.update((entry.name, entry) for entry in journalled)
    return entries


class Journal:
    """What is finished so far, one line a case, so that a killed call can be gone on with."""

    def __init__(self, folder: Path, plan: CachePlan) -> None:
        self._path = folder / JOURNAL
        try:
            # not whole-or-absent: a line that a kill cut off is ignored when the file is read
            self._stream = self._path.open("a", encoding="utf-8")
        except OSError as error:
            raise self._failure(error) from error
        self._write("\n" + plan.model_dump_json())

    def add(self, entry: CacheEntry) -> None:
        """Record a finished case."""
        self._write(entry.model_dump_json())

    def remove(self) -> None:
        """Remove the journal, when the manifest says everything."""
        self._path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> OutputError:
        return OutputError(
            f"Cannot write {self._path}: {error.strerror}.",
            "Make space on the disk and call again; finished cases are kept.",
        )


def _read_journal(path: Path) -> tuple[CachePlan | None, list[CacheEntry]]:
    plan, entries = None, []
    for line in path.read_text("utf-8", errors="replace").split("\n"):
        try:
            entries.append(CacheEntry.model_validate_json(line))
        except ValidationError:
            # a plan, or a line that a kill cut off: then its case is prepared once more
            plan = _plan_in(line) or plan
    return plan, entries


def _plan_in(line: str) -> CachePlan | None:
    try:
        return CachePlan.model_validate_json(line)
    except ValidationError:
        return None


def _require_same_plan(folder: Path, found: CachePlan, wanted: CachePlan) -> None:
    there, asked = (
        plan.model_dump(exclude={"settings"}) | plan.settings.model_dump()
        for plan in (found, wanted)
    )
    different = [
        f"{key} is {there[key]}, not {asked[key]}" for key in asked if there[key] != asked[key]
    ]
    if different:
        raise CohortError(
            f"{folder} holds a cache with other settings: {'; '.join(different)}.",
            "Choose another folder, or the settings of this one.",
        )
