from collections.abc import Mapping

import pytest
import torch

from napari_tumor_synth.errors import OutputError, TrainingError
from napari_tumor_synth.progress import Cancelled
from napari_tumor_synth.training.engine import EngineSettings, run_stage
from napari_tumor_synth.training.random_streams import step_generator
from napari_tumor_synth.training.runs.curves import CurveReader
from napari_tumor_synth.training.runs.folder import RunFolder
from napari_tumor_synth.training.runs.record import RunRecord
from napari_tumor_synth.training.runs.status import log_tail, read_status
from napari_tumor_synth.training.runs.stopping import StopAsked, TimeIsUp
from napari_tumor_synth.training.stage import Alarm, StepOutcome

RECORD = RunRecord(recipe={"name": "r"}, data="hash", patient_data=False)
FAR = Alarm("far away", "The walk is far away.", "Call it back.")


class Walk:
    """A random walk: every step depends on all before it."""

    name = "walk"

    def __init__(self, total_steps: int = 50, infinite: range = range(0)) -> None:
        self.total_steps = total_steps
        self.position = torch.zeros(3)
        self.infinite = infinite
        self.far_from = float("inf")

    def step(self, index: int) -> StepOutcome:
        if index in self.infinite:
            return StepOutcome(skipped="the loss distance is inf")
        noise = torch.randn(3, generator=step_generator(1, self.name, index))
        self.position = 0.9 * self.position + noise
        return StepOutcome({"distance": float(self.position.norm())})

    def review(self, index: int) -> Mapping[str, float]:
        return {"reviewed": float(index)}

    def alarms(self, figures: Mapping[str, float]):
        return [FAR] if figures.get("distance", 0) > self.far_from else []

    def state(self):
        return {"position": self.position}

    def load_state(self, state):
        self.position = state["position"]


def begin(path, **options) -> RunFolder:
    path.mkdir()
    run = RunFolder(path, **options)
    run.start(RECORD)
    return run


def stop_at(step):
    def stop(progress):
        if progress.step == step:
            raise Cancelled

    return stop


@pytest.fixture
def folder(tmp_path):
    return begin(tmp_path / "run")


@pytest.mark.parametrize("step", [1, 17, 49, 50])
def test_a_run_stopped_at_any_step_ends_like_one_that_was_not(tmp_path, step):
    settings = EngineSettings(curve_steps=7, review_steps=10)
    straight, resumed = Walk(), Walk()
    whole, stopped = begin(tmp_path / "whole"), begin(tmp_path / "stopped")
    last = run_stage(straight, whole, settings)
    with pytest.raises(Cancelled):
        run_stage(Walk(), stopped, settings, stop_at(step))
    assert run_stage(resumed, stopped, settings) == last == {"reviewed": 50.0}
    assert torch.equal(resumed.position, straight.position)
    curves = [(run.path / "curves.csv").read_bytes() for run in (whole, stopped)]
    assert curves[0] == curves[1]


def test_time_limit_saves_and_stops(folder):
    with pytest.raises(TimeIsUp):
        run_stage(Walk(), folder, EngineSettings(deadline=0))
    step, state = folder.latest_state("walk")
    assert step == 1
    assert state["position"].shape == (3,)


def test_a_stop_file_stops_after_the_present_step(folder):
    def ask(progress):
        if progress.step == 7:
            folder.stop_file.touch()

    with pytest.raises(StopAsked):
        run_stage(Walk(), folder, EngineSettings(), ask)
    assert folder.latest_state("walk")[0] == 7


def test_steps_are_independent_of_each_other_and_of_the_stage():
    first = torch.rand(4, generator=step_generator(0, "a", 5))
    assert torch.equal(first, torch.rand(4, generator=step_generator(0, "a", 5)))
    for other in (step_generator(0, "a", 6), step_generator(1, "a", 5), step_generator(0, "b", 5)):
        assert not torch.equal(first, torch.rand(4, generator=other))


def test_losses_that_stay_infinite_end_the_run_and_are_named(folder):
    walk = Walk(infinite=range(10, 50))
    with pytest.raises(TrainingError, match=r"step 14 of walk: the loss distance is inf"):
        run_stage(walk, folder, EngineSettings(max_skipped=3))


def test_skipped_steps_are_logged_counted_and_left_out_of_curves(folder):
    walk = Walk(20, infinite=range(4, 6))
    run_stage(walk, folder, EngineSettings(max_skipped=2, curve_steps=1))
    skipped = [line for line in log_tail(folder.path) if "skipped" in line]
    assert [line.partition("Z")[2] or line.split(" ", 1)[1] for line in skipped] == [
        "walk: step 5 skipped: the loss distance is inf",
        "walk: step 6 skipped: the loss distance is inf",
    ]
    assert read_status(folder.path).skipped == 2
    reader = CurveReader(folder.path)
    reader.poll()
    assert [step for step, _ in reader.curves["walk", "distance"]] == [
        *range(1, 5),
        *range(7, 21),
    ]


def test_only_the_last_states_are_kept(tmp_path):
    run = begin(tmp_path / "run", kept_states=3)
    run_stage(Walk(), run, EngineSettings(save_minutes=0))
    assert list(run.states.steps("walk")) == [48, 49, 50]


def test_a_damaged_newest_state_falls_back_to_the_one_before(folder):
    folder.save_state("walk", 10, {"position": torch.ones(3)})
    folder.save_state("walk", 20, {"position": torch.zeros(3)})
    (folder.path / "state" / "walk-000000020.safetensors").write_bytes(b"cut")
    step, state = folder.latest_state("walk")
    assert step == 10
    assert state["position"].tolist() == [1, 1, 1]


def test_a_damaged_state_never_takes_the_place_of_a_good_one(tmp_path):
    run = begin(tmp_path / "run", kept_states=1)
    run.states.kept = 2
    run.save_state("walk", 10, {"position": torch.ones(3)})
    run.save_state("walk", 20, {"position": torch.zeros(3)})
    run.states.kept = 1
    (run.path / "state" / "walk-000000020.safetensors").write_bytes(b"cut")
    with pytest.raises(Cancelled):
        run_stage(Walk(), run, EngineSettings(), stop_at(15))
    assert run.latest_state("walk")[0] == 15
    assert [path.name for path in (run.path / "state").iterdir()] == ["walk-000000015.safetensors"]


def test_states_of_which_none_can_be_read_are_not_started_over(folder):
    folder.save_state("walk", 10, {"position": torch.ones(3)})
    path = folder.path / "state" / "walk-000000010.safetensors"
    path.write_bytes(b"cut")
    with pytest.raises(TrainingError, match="walk-000000010"):
        run_stage(Walk(), folder, EngineSettings())
    assert path.read_bytes() == b"cut"


def test_curves_hold_means_and_reviews(folder):
    run_stage(Walk(10), folder, EngineSettings(curve_steps=5, review_steps=10))
    rows = (folder.path / "curves.csv").read_text("utf-8").splitlines()
    assert rows[0] == "stage,step,name,value"
    assert [row.split(",")[:3] for row in rows[1:]] == [
        ["walk", "5", "distance"],
        ["walk", "10", "distance"],
        ["walk", "10", "reviewed"],
    ]


def test_steps_that_are_taken_again_leave_no_second_row(folder):
    settings = EngineSettings(curve_steps=1)
    run_stage(Walk(20), folder, settings)
    whole = (folder.path / "curves.csv").read_bytes()
    (folder.path / "state" / "walk-000000020.safetensors").unlink()
    with (folder.path / "curves.csv").open("ab") as stream:
        stream.write(b"walk,21,dista")  # where a kill cut it off
    run_stage(Walk(20), folder, settings)
    assert (folder.path / "curves.csv").read_bytes() == whole


def test_an_alarm_is_told_once_until_it_is_over(folder):
    walk = Walk(40)
    seen = {}

    def watch(progress):
        walk.far_from = 0 if 10 <= progress.step < 30 else float("inf")
        seen[progress.step] = [alarm.name for alarm in read_status(folder.path).alarms]

    run_stage(walk, folder, EngineSettings(curve_steps=5, review_steps=8), watch)
    lines = [line.split(" ", 1)[1] for line in log_tail(folder.path) if "alarm" in line]
    assert lines == [
        "alarm: far away: The walk is far away. Call it back.",
        "alarm over: far away",
    ]
    assert seen[14] == []
    assert seen[16] == seen[26] == ["far away"]  # a review in between does not end it
    assert seen[36] == []


def test_the_status_tells_where_the_run_stands(folder):
    def look(progress):
        if progress.step == 31:
            folder.reporter.change()
            raise Cancelled

    with pytest.raises(Cancelled):
        run_stage(Walk(), folder, EngineSettings(review_steps=10), look)
    status = read_status(folder.path)
    assert (status.stage, status.step, status.total) == ("walk", 31, 50)
    assert status.review == {"reviewed": 30.0}
    assert status.figures["distance"] > 0
    assert 0 < status.seconds_left < 60


def test_curves_that_cannot_be_written_are_an_error_with_a_remedy(folder):
    (folder.path / "curves.csv").mkdir()
    with pytest.raises(OutputError, match="curves"):
        run_stage(Walk(), folder, EngineSettings())


def test_half_a_step_is_never_saved(folder):
    class Torn(Walk):
        def step(self, index: int) -> StepOutcome:
            outcome = super().step(index)
            if index == 20:
                raise KeyboardInterrupt
            return outcome

    with pytest.raises(KeyboardInterrupt):
        run_stage(Torn(), folder, EngineSettings(save_minutes=0))
    assert folder.latest_state("walk")[0] == 20

    resumed, straight = Walk(), Walk()
    run_stage(resumed, folder, EngineSettings())
    for index in range(50):
        straight.step(index)
    assert torch.equal(resumed.position, straight.position)


def test_an_alarm_lasts_until_its_own_figure_is_seen_again(folder):
    class Epochs(Walk):
        """Tells its distance every third point of the curves: far, far, near."""

        def step(self, index):
            figures = {"other": 1.0}
            if index % 6 == 5:
                figures["distance"] = 9.0 if index < 12 else 0.0
            return StepOutcome(figures)

    stage = Epochs(20)
    stage.far_from = 1.0
    seen = []

    def look(progress):
        seen.append([alarm.name for alarm in read_status(folder.path).alarms])

    run_stage(stage, folder, EngineSettings(curve_steps=2, review_steps=100), look)
    assert seen == [[]] * 5 + [["far away"]] * 12 + [[]] * 3
    log = "\n".join(log_tail(folder.path))
    assert log.count("alarm: far away") == log.count("alarm over: far away") == 1


def test_a_remark_on_a_step_is_logged_and_the_step_counts_as_taken(folder):
    class Remarks(Walk):
        def step(self, index):
            return StepOutcome({"distance": 1.0}, remark="its critic stood still")

    run_stage(Remarks(30), folder, EngineSettings(max_skipped=3))
    assert read_status(folder.path).skipped == 0
    assert "walk: step 30: its critic stood still" in "\n".join(log_tail(folder.path))
