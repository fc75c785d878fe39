"""What is set in napari's preferences, and what follows from it."""

import pytest

pytest.importorskip("qtpy.QtWidgets")

import npe2
from napari.settings import get_plugin_settings

from napari_tumor_synth.generators.catalogue import add_to_catalogue
from napari_tumor_synth.widgets import case_panel, session
from napari_tumor_synth.widgets.generate_panel import GeneratePanel
from napari_tumor_synth.widgets.preferences import Preferences
from napari_tumor_synth.widgets.session import Session
from napari_tumor_synth.widgets.workbench import Workbench
from tiny_vqgan import tiny_settings, write_tiny

pytestmark = pytest.mark.gui


@pytest.fixture
def set_to(monkeypatch):
    """Return a function that sets preferences."""

    def change(**values):
        for module in (case_panel, session):
            monkeypatch.setattr(module, "preferences", lambda: Preferences(**values))

    return change


@pytest.fixture
def panel(qtbot, tmp_path, monkeypatch, set_to):
    """Return a function that opens the panel with a tiny model chosen."""
    path = write_tiny(tmp_path / "tiny.safetensors", tiny_settings())
    about = {"name": "tiny", "description": "d", "licence": "CC0", "training_data": "noise"}
    add_to_catalogue(path, about)
    monkeypatch.setenv("TUMOR_SYNTH_MODELS", str(tmp_path))

    def opened(**values):
        set_to(**values)
        made = GeneratePanel(Session())
        qtbot.addWidget(made)
        names = [made.model.list.itemText(index) for index in range(made.model.list.count())]
        made.model.list.setCurrentIndex(names.index("tiny"))
        return made

    return opened


def wait(qtbot, panel):
    qtbot.waitUntil(lambda: not panel.job.is_running, timeout=20_000)


def test_the_defaults_of_the_manifest_are_those_of_the_code():
    manifest = npe2.PluginManifest.from_distribution("napari-tumor-synth")
    offered = {
        name: prop.default
        for part in manifest.contributions.configurations.values()
        for name, prop in part.properties.items()
    }
    assert {name.rpartition(".")[2]: value for name, value in offered.items()} == vars(
        Preferences()
    )


def test_a_model_beyond_the_memory_cap_is_refused_before_it_starts(panel, qtbot):
    refused = panel(memory_cap_gb=1e-6)
    refused.generate()
    wait(qtbot, refused)
    assert refused.session.samples == []
    assert "memory cap is 1e-06 GB" in refused.message.text
    assert "Preferences" in refused.message.text
    allowed = panel(memory_cap_gb=1.0)
    allowed.generate()
    wait(qtbot, allowed)
    assert [sample.provenance.seed for sample in allowed.session.samples] == [0]


def test_the_device_of_the_preferences_is_chosen_and_one_that_is_not_there_is_a_sentence(
    panel, qtbot
):
    chosen = panel(device="cpu")
    assert (chosen.device.currentData(), chosen.session.device) == ("cpu", "cpu")
    missing = panel(device="cuda:7")
    missing.generate()
    wait(qtbot, missing)
    assert "There is no device 'cuda:7' here." in missing.message.text
    assert missing.run.button.isEnabled()
    missing.device.probe()
    qtbot.waitUntil(lambda: missing.session.device == "auto", timeout=20_000)
    assert "cuda:7 does not work here" in missing.message.text
    missing.generate()
    wait(qtbot, missing)
    assert len(missing.session.samples) == 1


def test_another_convention_reaches_windows_that_are_open(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    bench = Workbench(viewer)
    viewer.window.add_dock_widget(bench)
    view = bench.scene.planes.view
    display = get_plugin_settings("napari-tumor-synth").display
    assert view.panes["axial"].overlay.content.letters.left == "R"
    display.convention = "neurological"
    assert view.tools.convention.currentText() == "neurological"
    assert view.panes["axial"].overlay.content.letters.left == "L"
    bench.close()
    display.convention = "radiological"  # nobody is there to hear it


def test_simulated_cases_are_kept_in_the_cache_folder(qtbot, tmp_path, set_to):
    set_to(cache_folder=str(tmp_path / "mine"))
    opened = Session()
    made = case_panel.CasePanel(opened)
    qtbot.addWidget(made)
    made.load_sample("LGG")
    qtbot.waitUntil(lambda: opened.case is not None, timeout=60_000)
    assert opened.case.case.class_name == "LGG"
    assert list((tmp_path / "mine").rglob("*_flair.nii.gz"))
    made.close_jobs()
