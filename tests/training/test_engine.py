from collections.abc import Mapping

import pytest
import torch

from napari_tumor_synth.errors import OutputError, TrainingError
from napari_tumor_synth.progress import Cancelled
from napari_tumor_synth.training.engine import EngineSettings, TimeIsUp, run_stage, step_generator
from napari_tumor_synth.training.run_folder import RunFolder

DESCRIPTION = {"recipe": {"name": "r"}, "data": "hash"}


class Walk:
    """A random walk: every step depends on all before it."""

    name = "walk"

    def __init__(self, total_steps: int = 50, infinite_from: int | None = None) -> None:
        self.total_steps = total_steps
        self.position = torch.zeros(3)
        self.infinite_from = infinite_from

    def step(self, index: int) -> Mapping[str, float]:
        if self.infinite_from is not None and index >= self.infinite_from:
            return {"skipped": 1.0}
        noise = torch.randn(3, generator=step_generator(1, self.name, index))
        self.position = 0.9 * self.position + noise
        return {"distance": float(self.position.norm())}

    def review(self, index: int) -> Mapping[str, float]:
        return {"reviewed": float(index)}

    def state(self):
        return {"position": self.position}

    def load_state(self, state):
        self.position = state["position"]


@pytest.fixture
def folder(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.start(DESCRIPTION, resume=False)
    return run


def test_a_run_stopped_at_any_step_ends_like_one_that_was_not(tmp_path):
    straight = Walk()
    whole = RunFolder(tmp_path / "whole")
    whole.start(DESCRIPTION, resume=False)
    run_stage(straight, whole, EngineSettings())
    for stop_at in (1, 17, 49):
        folder = RunFolder(tmp_path / f"stopped-{stop_at}")
        folder.start(DESCRIPTION, resume=False)

        def stop(progress, at=stop_at):
            if progress.step == at:
                raise Cancelled

        with pytest.raises(Cancelled):
            run_stage(Walk(), folder, EngineSettings(), stop)
        resumed = Walk()
        run_stage(resumed, folder, EngineSettings())
        assert torch.equal(resumed.position, straight.position)


def test_time_limit_saves_and_stops(folder):
    with pytest.raises(TimeIsUp):
        run_stage(Walk(), folder, EngineSettings(deadline=0))
    step, state = folder.latest_state("walk")
    assert step == 1
    assert state["position"].shape == (3,)


def test_steps_are_independent_of_each_other_and_of_the_stage():
    first = torch.rand(4, generator=step_generator(0, "a", 5))
    assert torch.equal(first, torch.rand(4, generator=step_generator(0, "a", 5)))
    for other in (step_generator(0, "a", 6), step_generator(1, "a", 5), step_generator(0, "b", 5)):
        assert not torch.equal(first, torch.rand(4, generator=other))


def test_losses_that_stay_infinite_end_the_run(folder):
    with pytest.raises(TrainingError, match="not finite"):
        run_stage(Walk(infinite_from=10), folder, EngineSettings(max_skipped=3))


def test_only_the_last_states_are_kept(folder):
    run_stage(Walk(), folder, EngineSettings(save_minutes=0))
    names = sorted(path.name for path in (folder.path / "state").iterdir())
    assert names == ["walk-000000049.safetensors", "walk-000000050.safetensors"]


def test_a_damaged_newest_state_falls_back_to_the_one_before(folder):
    folder.save_state("walk", 10, {"position": torch.ones(3)})
    folder.save_state("walk", 20, {"position": torch.zeros(3)})
    (folder.path / "state" / "walk-000000020.safetensors").write_bytes(b"cut")
    step, state = folder.latest_state("walk")
    assert step == 10
    assert state["position"].tolist() == [1, 1, 1]


def test_curves_hold_means_and_reviews(folder):
    run_stage(Walk(10), folder, EngineSettings(curve_steps=5, review_steps=10))
    rows = (folder.path / "curves.csv").read_text("utf-8").splitlines()
    assert rows[0] == "stage,step,name,value"
    assert [row.split(",")[:3] for row in rows[1:]] == [
        ["walk", "5", "distance"],
        ["walk", "10", "distance"],
        ["walk", "10", "reviewed"],
    ]


def test_a_removed_run_folder_is_an_error_with_a_remedy(folder, monkeypatch):
    (folder.path / "curves.csv").mkdir()
    with pytest.raises(OutputError, match="resume"):
        run_stage(Walk(), folder, EngineSettings())


def test_starting_twice_needs_resume_and_the_same_recipe(folder):
    with pytest.raises(TrainingError, match="--resume"):
        folder.start(DESCRIPTION, resume=False)
    folder.start(DESCRIPTION, resume=True)
    with pytest.raises(TrainingError, match="recipe differs"):
        folder.start({"recipe": {"name": "other"}, "data": "hash"}, resume=True)
    with pytest.raises(TrainingError, match="no training run"):
        RunFolder(folder.path / "none").start(DESCRIPTION, resume=True)


def test_half_a_step_is_never_saved(folder):
    class Torn(Walk):
        def step(self, index: int) -> Mapping[str, float]:
            figures = super().step(index)
            if index == 20:
                raise KeyboardInterrupt
            return figures

    with pytest.raises(KeyboardInterrupt):
        run_stage(Torn(), folder, EngineSettings(save_minutes=0))
    assert folder.latest_state("walk")[0] == 20

    resumed, straight = Walk(), Walk()
    run_stage(resumed, folder, EngineSettings())
    for index in range(50):
        straight.step(index)
    assert torch.equal(resumed.position, straight.position)
