import re

import pytest

from napari_tumor_synth.errors import CohortError, TrainingError
from napari_tumor_synth.folders import CACHE_VARIABLE
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.progress import Cancelled
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.recipes.changes import override
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.runs import prepared
from napari_tumor_synth.training.runs.status import summary_of
from napari_tumor_synth.training.train import train_generator
from tiny_cohort import write_blobs

CPU = MachineSettings(device="cpu")


@pytest.fixture(autouse=True)
def one_process(monkeypatch, tmp_path):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "user cache"))
    monkeypatch.setattr(
        prepared,
        "prepare_cohort",
        lambda *arguments, **options: real(*arguments, **options, workers=1),
    )


def stop_training(progress):
    if progress.message.startswith("autoencoder"):
        raise Cancelled


real = prepared.prepare_cohort


@pytest.fixture
def cohort(tmp_path):
    write_blobs(tmp_path / "cases", 6)
    return tmp_path / "cases"


def test_a_cohort_is_prepared_once_for_all_runs(cohort, tiny_recipe, tmp_path):
    seen = []

    def note_and_stop(progress):
        seen.append(progress.message)
        stop_training(progress)

    for name in ("first", "second"):
        with pytest.raises(Cancelled):
            train_generator(
                tiny_recipe, cohort, tmp_path / name, machine=CPU, on_progress=note_and_stop
            )
    recipe = load_recipe(tiny_recipe)
    folder = prepared.prepared_folder(cohort, recipe)
    assert folder.parent == tmp_path / "user cache" / "prepared"
    assert len(RoiCache.open(folder)) == 12
    assert len([message for message in seen if message.startswith("Phantom_")]) == 24
    assert prepared.prepared_folder(cohort, override(recipe, {"seed": 4})) == folder
    wider = recipe.model_copy(update={"spacing_mm": 2.0})
    assert prepared.prepared_folder(cohort, wider) != folder


def test_preparing_is_stopped_at_a_case_and_gone_on_with(cohort, tiny_recipe, tmp_path):
    def stop(progress):
        if progress.step == 3:
            raise Cancelled

    out = tmp_path / "run"
    with pytest.raises(Cancelled):
        train_generator(tiny_recipe, cohort, out, machine=CPU, on_progress=stop)
    summary = summary_of(out)
    assert (summary.state, summary.status.stage) == ("stopped", "preparing the cohort")
    assert summary.name == "tiny"
    (out / "stop").touch()  # of before: nobody means this call
    with pytest.raises(Cancelled):
        train_generator(None, None, out, resume=True, on_progress=stop_training)
    assert summary_of(out).status.stage == "autoencoder"


def test_a_stop_file_and_the_clock_stop_preparing(cohort, tiny_recipe, tmp_path):
    def ask(progress):
        (tmp_path / "asked" / "stop").touch()

    asked = train_generator(tiny_recipe, cohort, tmp_path / "asked", machine=CPU, on_progress=ask)
    timed = train_generator(tiny_recipe, cohort, tmp_path / "timed", machine=CPU, max_minutes=0)
    assert (asked.stopped, timed.stopped) == ("it was asked to stop", "its time is up")
    assert summary_of(tmp_path / "asked").status.step == 1


def test_a_cohort_that_has_grown_is_another(cohort, tiny_recipe, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Cancelled):
        train_generator(tiny_recipe, cohort, out, machine=CPU, on_progress=stop_training)
    for path in (cohort / "LGG").glob("*_000001/*"):
        path.unlink()
    with pytest.raises(TrainingError, match=r"it had 12 ROIs .* and has 11 ROIs"):
        train_generator(None, None, out, resume=True)


def test_what_is_no_cohort_leaves_no_trace(tiny_recipe, tmp_path):
    (tmp_path / "empty").mkdir()
    for data in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(CohortError, match=re.escape(str(data))):
            train_generator(tiny_recipe, data, tmp_path / "run", machine=CPU)
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "user cache").exists()
