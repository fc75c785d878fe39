"""Make a study: draw cases, write display copies under tokens, order them for each reader."""

import os
import secrets
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from napari_tumor_synth import __version__
from napari_tumor_synth.errors import OutputError, StudyError
from napari_tumor_synth.files import FOLDER_MODE, sha256_of_file, writable_folder
from napari_tumor_synth.generators.provenance import now
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.study.cases import StudyCases, choose_cases, truth_of
from napari_tumor_synth.study.design import StudyDesign, told_of
from napari_tumor_synth.study.display import (
    LEVELS,
    NONCE,
    display_array,
    make_times_equal,
    write_display_copy,
)
from napari_tumor_synth.study.key_file import (
    KeyFile,
    KeyImage,
    require_outside,
    write_key_file,
)
from napari_tumor_synth.study.leak_audit import LeakAudit, audit
from napari_tumor_synth.study.pool import (
    Pool,
    require_distinct_generators,
    require_distinct_rois,
    require_one_grid,
)
from napari_tumor_synth.study.presentations import Tokens, reader_plans, training_cases
from napari_tumor_synth.study.study_file import (
    IMAGES,
    READINGS,
    STUDY,
    DisplayRecipe,
    Study,
    StudyFile,
    write_study_file,
)

_SEED_BITS = 128


@dataclass(frozen=True, slots=True)
class MadeStudy:
    """A study that was made.

    Attributes
    ----------
    study : Study
    key : Path
    audit : LeakAudit
    doubts : tuple of str
        What else the results must be read with.
    """

    study: Study
    key: Path
    audit: LeakAudit
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Copy:
    """What is known of a display copy that was written."""

    sha256: str
    voxels: int
    sides: tuple[int, ...]


def make_study(
    design: StudyDesign,
    real: Pool,
    synthetic: Sequence[Pool],
    out: Path,
    key: Path,
    *,
    sequence: str = "",
    doubts: Sequence[str] = (),
    seed: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> MadeStudy:
    """Make a study folder and its key file.

    Both are there when it is done, or neither.

    Parameters
    ----------
    design : StudyDesign
    real : Pool
    synthetic : sequence of Pool
        One a generator.
    out : Path
        The study folder; must not be there, or be empty.
    key : Path
        Outside the study folder; must not be there.
    sequence : str
        That is shown.
    doubts : sequence of str
        What is known of the pools that the results must be read with.
    seed : int, optional
        Of all draws but tokens; by default from the operating system's randomness.
    on_progress : callable

    Raises
    ------
    StudyError
        The pools do not fit each other or the design, or a file would be replaced.
    OutputError
        The files cannot be written.
    """
    out, key = out.resolve(), key.resolve()
    require_outside(key, out)
    if key.exists() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise StudyError(
            f"{key if key.exists() else out} is there already.",
            "A study cannot be made again in its place: choose another name.",
        )
    design = design.model_copy(update={"prevalence": told_of(design, len(synthetic))})
    require_distinct_generators(synthetic)
    require_one_grid([real, *synthetic])
    seed = secrets.randbits(_SEED_BITS) if seed is None else seed
    rng = np.random.default_rng(seed)
    cases = choose_cases(design, real, synthetic, rng)
    drawn = [roi for case in (*cases.scored, *cases.training) for roi in case.rois]
    require_distinct_rois([real, *synthetic], drawn)
    tokens = Tokens()
    training = training_cases(design, cases.training, tokens, rng)
    plans = reader_plans(design, cases.scored, tokens, rng)
    writable_folder(out.parent)
    temporary = Path(mkdtemp(prefix=".study-", dir=out.parent))
    try:
        copies = _write_copies(temporary, design, tokens, on_progress)
        recipe = DisplayRecipe(
            shape=real.size, spacing_mm=real.spacing_mm, sequence=sequence, levels=LEVELS,
            edge_voxels=design.edge_voxels, extent=_extent(copies.values()),
        )  # fmt: skip
        found = _audited(temporary, cases, tokens, on_progress)
        file = StudyFile(
            study_id=secrets.token_hex(16), created=now(),
            software={"napari-tumor-synth": __version__}, design=design, display=recipe,
            training=training, readers=plans,
            images={token: copy.sha256 for token, copy in copies.items()},
            leak_audit=found.outcome,
        )  # fmt: skip
        write_study_file(temporary / STUDY, file)
        make_times_equal(temporary)
        doubts = (*doubts, *cases.doubts)
        _finish(temporary, out, key, _key(file, seed, tokens, copies, found, doubts))
    except OSError as error:
        raise OutputError(
            f"Cannot write the study to {out}: {error.strerror or error}.",
            "Choose a folder that you may write to and that has free space.",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return MadeStudy(Study(out, file), key, found, doubts)


def _write_copies(
    folder: Path, design: StudyDesign, tokens: Tokens, on_progress: OnProgress
) -> dict[str, _Copy]:
    """Write display copies in the order of their tokens."""
    (folder / IMAGES).mkdir()
    (folder / READINGS).mkdir()
    copies = {}
    for step, token in enumerate(sorted(tokens.rois), start=1):
        roi, _ = tokens.rois[token]
        array = display_array(roi.load(), design.edge_voxels)
        path = folder / IMAGES / f"{token}.npy"
        write_display_copy(path, array, secrets.token_bytes(NONCE))
        sides = np.ptp(np.argwhere(array), axis=0) + 1
        copies[token] = _Copy(
            sha256_of_file(path), int(np.count_nonzero(array)), tuple(sides.tolist())
        )
        on_progress(Progress(step, len(tokens.rois), "writing display copies"))
    return copies


def _extent(copies: Iterable[_Copy]) -> tuple[int, int, int]:
    """Return the sides (S, A, R) in voxels that hold every tumour."""
    largest = np.max([copy.sides for copy in copies], axis=0)
    return int(largest[0]), int(largest[1]), int(largest[2])


def _audited(folder: Path, cases: StudyCases, tokens: Tokens, on_progress: OnProgress) -> LeakAudit:
    make_times_equal(folder)
    rois = [roi for case in cases.scored for roi in case.rois]
    files = [folder / IMAGES / f"{tokens.of(roi, is_repeat=False)}.npy" for roi in rois]
    arrays = [np.load(file, mmap_mode="r") for file in files]
    make_times_equal(folder)
    return audit(arrays, files, [roi.generator for roi in rois], on_progress)


def _key(
    file: StudyFile,
    seed: int,
    tokens: Tokens,
    copies: dict[str, _Copy],
    found: LeakAudit,
    doubts: tuple[str, ...],
) -> KeyFile:
    voxel_ml = file.display.spacing_mm**3 / 1000
    return KeyFile(
        study_id=file.study_id,
        study_sha256=file.sha256,
        order_seed=f"{seed:x}",
        images={
            token: KeyImage.model_validate(
                {
                    "case": roi.name,
                    "truth": truth_of(roi),
                    "generator": roi.generator,
                    "class_name": roi.class_name,
                    "volume_ml": round(copies[token].voxels * voxel_ml, 3),
                    "source_sha256": roi.source_sha256,
                    "is_repeat": is_repeat,
                }
            )
            for token, (roi, is_repeat) in tokens.rois.items()
        },
        leak_audit=found.as_json(),
        doubts=doubts,
    )


def _finish(temporary: Path, out: Path, key: Path, content: KeyFile) -> None:
    """Put the key and the study in place; take the key away again if the study cannot be."""
    write_key_file(key, content)
    try:
        if out.exists():
            shutil.copymode(out, temporary)
            out.rmdir()
        else:
            temporary.chmod(FOLDER_MODE)  # readers may have accounts of their own
        os.replace(temporary, out)
    except BaseException:
        key.unlink(missing_ok=True)
        raise
