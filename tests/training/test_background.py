import json
import os
import signal
import subprocess
import sys
import time

import pytest

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.recipes.changes import parse_change
from napari_tumor_synth.training.recipes.setting_text import setting_text
from napari_tumor_synth.training.runs.background import (
    CONSOLE,
    TrainingRequest,
    request_stop,
    start_in_background,
    stop_now,
)
from napari_tumor_synth.training.runs.curves import CurveReader
from napari_tumor_synth.training.runs.record import read_place
from napari_tumor_synth.training.runs.status import find_runs, is_running, summary_of

CPU = MachineSettings(device="cpu")
MANY_STEPS = {"autoencoder_training.phases.0.steps": 100_000}


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def long_request(tiny_recipe, tiny_cache, tmp_path):
    request = TrainingRequest(
        out=tmp_path / "run",
        recipe=tiny_recipe,
        data=tiny_cache,
        changes=MANY_STEPS,
        machine=CPU,
        save_minutes=0,
    )
    yield request
    stop_now(request.out)


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 0.25, 1e-7, "32-true", 'with "quotes"', [1, 2], [{"batch": 3, "epochs": 2}]],
)
def test_settings_reach_the_child_as_they_are(value):
    assert parse_change(f"a.b={setting_text(value)}") == ("a.b", value)


@pytest.mark.slow
def test_a_run_is_started_watched_stopped_and_resumed(long_request):
    run = start_in_background(long_request)
    assert os.getsid(run.pid) != os.getsid(0)
    assert os.getpriority(os.PRIO_PROCESS, run.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    summary = summary_of(run.folder)
    assert (summary.state, summary.status.pid) == ("running", run.pid)
    with pytest.raises(TrainingError, match=rf"is being trained by process {run.pid} since"):
        start_in_background(TrainingRequest(out=run.folder, resume=True, accept_changed_code=True))
    assert read_place(run.folder).recipe["autoencoder_training"]["phases"][0]["steps"] == 100_000
    reader = CurveReader(run.folder)
    wait_for(reader.poll)
    assert ("autoencoder", "loss") in reader.curves
    summary = summary_of(run.folder)
    assert summary.status.total > 100_000
    assert summary.status.seconds_left > 60
    assert summary.stages_left == ("transformer",)

    assert request_stop(run.folder)
    wait_for(lambda: not is_running(run.folder))
    stopped = summary_of(run.folder)
    assert stopped.state == "stopped"
    assert not (run.folder / "stop").exists()
    assert not request_stop(run.folder)
    assert not stop_now(run.folder)

    resume = TrainingRequest(out=run.folder, resume=True, accept_changed_code=True)
    again = start_in_background(resume)
    assert again.pid != run.pid
    wait_for(lambda: summary_of(run.folder).status.step > stopped.status.step)
    assert stop_now(run.folder)
    assert summary_of(run.folder).state in ("stopped", "interrupted")
    assert find_runs(run.folder.parent)[0].can_resume


@pytest.mark.slow
def test_a_run_outlives_the_program_that_started_it_and_a_killed_one_is_found(long_request):
    script = (
        "import sys, os\nfrom pathlib import Path\n"
        "from napari_tumor_synth.training.runs.background import *\n"
        "from napari_tumor_synth.training.machine import MachineSettings\n"
        f"changes = {MANY_STEPS!r}\n"
        "start_in_background(TrainingRequest(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]),"
        " changes, MachineSettings(device='cpu'), save_minutes=0))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    out = long_request.out
    given = [str(out), str(long_request.recipe), str(long_request.data)]
    starter = subprocess.run([sys.executable, "-c", script, *given], capture_output=True)
    assert starter.returncode == -signal.SIGKILL, starter.stderr
    summary = summary_of(out)
    assert summary.state == "running"
    wait_for(lambda: list((out / "state").glob("autoencoder-*")))
    os.kill(summary.status.pid, signal.SIGKILL)
    wait_for(lambda: not is_running(out), 5)
    killed = summary_of(out)
    assert killed.state == "interrupted"
    assert killed.can_resume


@pytest.mark.slow
def test_the_childs_own_sentence_tells_why_it_did_not_begin(tiny_recipe, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(TrainingError, match="nowhere"):
        start_in_background(TrainingRequest(out, tiny_recipe, tmp_path / "nowhere", machine=CPU))
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").touch()
    with pytest.raises(TrainingError, match="no training run to resume"):
        start_in_background(TrainingRequest(out, resume=True))
    assert (out / "mine.txt").exists()
    assert "no training run to resume" in (out / CONSOLE).read_text()


def test_the_command_holds_what_is_asked_for(tmp_path):
    command = TrainingRequest(
        tmp_path / "run",
        "vqgan-lat8",
        tmp_path,
        {"seed": 3},
        MachineSettings(device="cpu", micro_batch=2, checkpoint_activations="on"),
        max_minutes=5,
        accept_changed_code=True,
    ).command()
    told = " ".join(command[command.index("train") :])
    for words in ("--micro-batch 2", "--checkpoint-activations on", "--set seed=3"):
        assert words in told
    assert told.startswith("train vqgan-lat8 --data")
    assert told.endswith("--accept-changed-code")


def test_watching_runs_loads_nothing_heavy():
    script = (
        "import sys\nimport napari_tumor_synth.training.runs.background\n"
        "import napari_tumor_synth.training.runs.curves\n"
        "import json\nprint(json.dumps(sorted({'torch', 'numpy', 'qtpy'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert json.loads(done.stdout) == []
