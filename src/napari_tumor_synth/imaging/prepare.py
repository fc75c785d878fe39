"""Turn a cohort into a cache of ROIs: in parallel, and resumable after any interruption."""

import hashlib
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from napari_tumor_synth.errors import CohortError, InputError, MemoryLimitError
from napari_tumor_synth.files import atomic_file, sha256_of_file, writable_folder, write_json
from napari_tumor_synth.imaging.cache_journal import Journal, read_earlier
from napari_tumor_synth.imaging.cache_manifest import (
    ARRAYS,
    FORMAT,
    MANIFEST,
    CacheEntry,
    CachePlan,
    FailedCase,
    Manifest,
)
from napari_tumor_synth.imaging.case import UNKNOWN_CLASS, Case
from napari_tumor_synth.imaging.cohort import read_cohort
from napari_tumor_synth.imaging.header_text import says_synthetic
from napari_tumor_synth.imaging.label_schemes import require_labels_of_their_schemes
from napari_tumor_synth.imaging.reading import read_image, read_segmentation
from napari_tumor_synth.imaging.roi import RoiSettings, extract_roi
from napari_tumor_synth.imaging.roi_cache import RoiCache, remove_unnamed_arrays, store_array
from napari_tumor_synth.imaging.spawn import map_in_processes
from napari_tumor_synth.imaging.splits import DEFAULT_FRACTIONS, split_patients
from napari_tumor_synth.processors import thread_pool, worker_count
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress

_README = {
    True: (
        "PATIENT DATA. This folder holds regions cut from MRI of patients, prepared by\n"
        "napari-tumor-synth. Keep it as you keep the images themselves: do not publish it, and\n"
        "do not put it under version control.\n"
    ),
    False: (
        "Simulated data. This folder holds regions cut from phantoms that napari-tumor-synth\n"
        "made; nothing in it comes from a patient.\n"
    ),
}


def prepare_cohort(
    source: Path | str,
    out: Path | str,
    settings: RoiSettings | None = None,
    *,
    sequences: Sequence[str] = ("flair",),
    seed: int = 0,
    fractions: Mapping[str, float] = DEFAULT_FRACTIONS,
    workers: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> RoiCache:
    """Cut the ROI of every case, split the patients, and keep both in a folder.

    A call that was stopped, or killed, goes on where it was when it is repeated. So does one for
    a cohort that has grown: cases whose files and settings are as before are not cut again, and
    patients keep their split. Cases that cannot be cut are left out and listed in the cache's
    `failed`, as are incomplete ones. When all is done, the ROIs of cases that were removed or cut
    anew are deleted. Two calls at the same time need two folders.

    Work is done in fresh processes. A script that calls this with more than one worker must do so
    under ``if __name__ == "__main__":``; with ``workers=1`` all happens in the calling process.

    Parameters
    ----------
    source : path
        Folder or table of cases, see `read_cohort`.
    out : path
        Folder of the cache: new, empty, or of an earlier call with the same arguments.
    settings : RoiSettings, optional
    sequences : sequence of str
        Become the channels, in this order.
    seed : int
        Decides the split of the patients.
    fractions : mapping of str to float
        Shares of train, validation and test.
    workers : int, optional
        Processes; None means one a core.
    on_progress : callable
        Called once a case; may raise `Cancelled`, after which a later call goes on.

    Raises
    ------
    CohortError
        The cohort cannot be understood, no case could be cut, the labels are those of another
        release of BraTS, or the folder holds a cache of other settings.
    OutputError
        The folder cannot be written, is full, or holds other files, or an ROI that is no longer
        wanted cannot be removed.
    MemoryLimitError
        A case does not fit into memory.
    """
    settings = settings or RoiSettings()
    sequences = _checked_sequences(sequences)
    cohort = read_cohort(source, sequences)
    require_labels_of_their_schemes(cohort.cases, settings.labels)
    plan = CachePlan(
        format=FORMAT,
        settings=settings,
        sequences=sequences,
        seed=seed,
        fractions=dict(fractions),
    )
    folder = writable_folder(out)
    earlier = read_earlier(folder, plan)
    splits = split_patients(
        cohort.cases, fractions, seed, keep={old.patient: old.split for old in earlier.values()}
    )
    jobs = [_Job(case, splits[case.patient], plan, folder) for case in cohort.cases]
    patient_data = not all(case.is_phantom for case in cohort.cases)

    entries: list[CacheEntry] = []
    failed = [FailedCase(name=case.name, reason=case.reason) for case in cohort.skipped]
    with Journal(folder, plan) as journal:
        _tidy(folder, patient_data)
        with closing(_results(jobs, earlier, worker_count(workers))) as results:
            for step, result in enumerate(results, start=1):
                if isinstance(result, CacheEntry):
                    journal.add(result)
                    entries.append(result)
                else:
                    failed.append(result)
                on_progress(Progress(step, len(jobs), result.name))
    if not entries:
        raise CohortError(f"None of the {len(failed)} cases could be cut.", f"First: {failed[0]}")
    manifest = Manifest(
        plan=plan,
        classes=tuple(sorted({entry.class_name for entry in entries} - {UNKNOWN_CLASS})),
        patient_data=patient_data,
        entries=tuple(sorted(entries, key=lambda entry: entry.name)),
        failed=tuple(sorted(failed, key=lambda case: case.name)),
        notes=cohort.notes,
    )
    cache = RoiCache(folder, manifest)
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    journal.remove()
    remove_unnamed_arrays(folder, manifest)
    return cache


class _Job:
    """One case, what to do with it, and where its ROI goes."""

    def __init__(self, case: Case, split: str, plan: CachePlan, folder: Path) -> None:
        self.case, self.split, self.plan, self.folder = case, split, plan, folder

    def source_sha256(self) -> str:
        """Hash the bytes of the files that decide the ROI."""
        total = hashlib.sha256()
        for sequence in self.plan.sequences:
            total.update(f"{sequence} {sha256_of_file(self.case.sequences[sequence])}\n".encode())
        total.update(sha256_of_file(self.case.segmentation).encode())
        return total.hexdigest()

    def still_good(self, earlier: CacheEntry | None) -> CacheEntry | None:
        """Return the earlier entry, if neither the case's files nor its ROI have changed."""
        if earlier is None:
            return None
        stored = self.folder / ARRAYS / earlier.file
        try:
            if sha256_of_file(stored) != earlier.sha256:
                return None
            if self.source_sha256() != earlier.source_sha256:
                return None
        except OSError:  # a file is gone or unreadable: cutting anew says which
            return None
        return earlier.model_copy(update=self._what_the_cohort_says())

    def run(self) -> CacheEntry | FailedCase:
        """Cut the ROI and store it."""
        try:
            images = {
                sequence: read_image(self.case.sequences[sequence])
                for sequence in self.plan.sequences
            }
            roi = extract_roi(images, read_segmentation(self.case.segmentation), self.plan.settings)
            source_sha256 = self.source_sha256()
        except (InputError, OSError) as error:
            return FailedCase(name=self.case.name, reason=self._without_folders(str(error)))
        except MemoryError as error:
            raise MemoryLimitError(
                f"Case {self.case.name} does not fit into memory.",
                "Use fewer workers or a coarser grid; finished cases are kept.",
            ) from error
        file, sha256 = store_array(self.folder, self.case.name, roi.image)
        return CacheEntry.model_validate(
            {
                "name": self.case.name,
                "file": file,
                "sha256": sha256,
                "source_sha256": source_sha256,
                "windows": roi.windows,
                "lost_fraction": roi.lost_fraction,
                "volume_ml": roi.volume_ml,
                "affine": roi.affine.tolist(),
                "warnings": roi.warnings,
                **self._what_the_cohort_says(),
            }
        )

    def _what_the_cohort_says(self) -> dict[str, Any]:
        images = (self.case.sequences[sequence] for sequence in self.plan.sequences)
        return {
            "synthetic": any(map(says_synthetic, images)),
            "patient": self.case.patient,
            "class_name": self.case.class_name,
            "split": self.split,
            "label_scheme": self.case.label_scheme,
        }

    def _without_folders(self, message: str) -> str:
        """Keep the user's folders out of the manifest."""
        for file in (*self.case.sequences.values(), self.case.segmentation):
            message = message.replace(str(file), file.name)
        return message


def _results(
    jobs: Sequence[_Job], earlier: Mapping[str, CacheEntry], workers: int
) -> Generator[CacheEntry | FailedCase, None, None]:
    """Give what is still good first, then the rest as it gets ready."""
    todo: list[_Job] = []
    with thread_pool(workers) as threads:  # hashing needs no interpreter lock
        kept = threads.map(lambda job: job.still_good(earlier.get(job.case.name)), jobs)
        for job, entry in zip(jobs, kept, strict=True):
            if entry is None:
                todo.append(job)
            else:
                yield entry
    with closing(map_in_processes(_Job.run, todo, workers)) as results:
        yield from results


def _checked_sequences(sequences: Sequence[str]) -> tuple[str, ...]:
    if not sequences or len(set(sequences)) != len(sequences) or not all(sequences):
        raise CohortError(
            f"{', '.join(sequences) or 'Nothing'} is no list of sequences.",
            "Name each sequence once, e.g. flair,t1ce.",
        )
    return tuple(sequences)


def _tidy(folder: Path, patient_data: bool) -> None:
    """Remove what a killed call was writing, and say what the folder holds."""
    for rest in (folder / ARRAYS).glob(".writing-*"):
        rest.unlink()
    with atomic_file(folder / "README.txt") as temporary:
        temporary.write_text(_README[patient_data], "utf-8")
