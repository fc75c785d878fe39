"""What a floor loads when used, also through libraries: import-linter does not look into those."""

import json
import subprocess
import sys

LOADED_BY_FLOORS = """
import importlib, json, pkgutil, sys
import napari_tumor_synth

def modules_of(name):
    module = importlib.import_module(name)
    yield name
    if hasattr(module, "__path__"):
        for inner in pkgutil.walk_packages(module.__path__, name + "."):
            yield importlib.import_module(inner.name).__name__

imported = [found for floor in sys.argv[1:] for found in modules_of("napari_tumor_synth." + floor)]
print(json.dumps([imported, sorted({name.partition(".")[0] for name in sys.modules}),
                  "matplotlib.pyplot" in sys.modules]))
"""

GROUND = ("errors", "progress", "files", "processors")
BELOW_THE_FACES = ("networks", "generators", "evaluation", "training", "workflows")
FACES = {"napari", "qtpy", "magicgui", "superqt", "PyQt6", "PySide6", "typer"}


def loaded_by(*floors: str) -> tuple[list[str], set[str], bool]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED_BY_FLOORS, *floors],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported, libraries, pyplot = json.loads(done.stdout)
    return imported, set(libraries), pyplot


def test_ground_floor_needs_no_library():
    imported, libraries, _ = loaded_by(*GROUND)

    assert imported == [f"napari_tumor_synth.{name}" for name in GROUND]
    beyond_python = {name for name in libraries - set(sys.stdlib_module_names) if name[0] != "_"}
    assert beyond_python <= {"napari_tumor_synth", "sitecustomize", "usercustomize"}


def test_imaging_loads_no_torch_and_no_window():
    imported, libraries, pyplot = loaded_by(*GROUND, "imaging")

    assert "napari_tumor_synth.imaging" in imported
    assert not libraries & ({"torch", "monai", "lightning_fabric"} | FACES)
    assert not pyplot


def test_nothing_below_the_faces_loads_a_window():
    imported, libraries, _ = loaded_by(*GROUND, "imaging", *BELOW_THE_FACES)

    assert {f"napari_tumor_synth.{floor}" for floor in BELOW_THE_FACES} <= set(imported)
    assert not libraries & FACES
