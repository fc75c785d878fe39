import pytest

from napari_tumor_synth.generators.catalogue import catalogue_folders
from napari_tumor_synth.workflows import doctor


@pytest.fixture
def binding(tmp_path, monkeypatch):
    """Pretend that the only Qt binding is one whose import runs this code."""

    def arrange(code):
        package = tmp_path / "PyQt6"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "QtWidgets.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(
            doctor.importlib.util, "find_spec", lambda name: name if name == "PyQt6" else None
        )
        return doctor._qt()

    return arrange


def test_a_binding_that_works(binding):
    check = binding("")
    assert check.ok
    assert check.detail.startswith("PyQt6")


def test_a_missing_system_library_is_named_with_its_remedy(binding):
    check = binding(
        "raise ImportError('libEGL.so.1: cannot open shared object file: No such file or "
        "directory')"
    )
    assert not check.ok
    assert "libEGL.so.1 is missing" in check.detail
    assert "apt-get install libegl1" in check.detail


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ImportError('libodd.so.9: cannot open shared object file: x')", "libodd.so.9"),
        ("raise ImportError('DLL load failed')", "DLL load failed"),
        ("import os; os.abort()", "ended with"),
    ],
)
def test_a_binding_that_cannot_be_imported(binding, code, words):
    check = binding(code)
    assert not check.ok
    assert words in check.detail


def test_the_models_folder_is_one_that_the_catalogue_reads(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "device_names", list)
    monkeypatch.setattr(doctor, "_qt", lambda: doctor.Check("Qt", True, ""))
    checks = {check.name: check for check in doctor.examine()}
    named = checks["models folder"].detail.partition(", ")[0]
    assert named in [str(folder) for folder in catalogue_folders()]
