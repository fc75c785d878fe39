"""Is this machine ready. Every check does what the program will do."""

import importlib.util
import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path, user_data_path

from napari_tumor_synth import __version__
from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.files import sha256_of_file, writable_folder
from napari_tumor_synth.generators.catalogue import list_models
from napari_tumor_synth.generators.devices import device_names, probe
from napari_tumor_synth.processors import available_cores

_LIBRARIES = ("torch", "monai", "napari", "numpy", "nibabel", "SimpleITK", "scikit-image")
_NEEDED_GIGABYTES = 2.0


@dataclass(frozen=True)
class Check:
    """One finding."""

    name: str
    ok: bool
    detail: str

    def as_json(self) -> dict[str, Any]:
        """Return the finding as JSON types."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail}


def examine() -> list[Check]:
    """Run all checks; a failure is a finding, not an exception."""
    return [
        Check("napari-tumor-synth", True, __version__),
        Check("python", sys.version_info >= (3, 11), platform.python_version()),
        *(_library(name) for name in _LIBRARIES),
        Check("cores", True, str(available_cores())),
        _memory(),
        *(_device(name) for name in device_names()),
        _qt(),
        *_models(),
        _folder("models folder", user_data_path("napari-tumor-synth", appauthor=False)),
        _folder("cache folder", user_cache_path("napari-tumor-synth", appauthor=False)),
        _folder("temporary folder", Path(tempfile.gettempdir())),
    ]


def _library(name: str) -> Check:
    try:
        return Check(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, False, f"not installed: pip install {name}")


def _memory() -> Check:
    if not hasattr(os, "sysconf") or "SC_AVPHYS_PAGES" not in os.sysconf_names:
        return Check("memory", True, "this system does not tell")
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    enough = total >= _NEEDED_GIGABYTES
    return Check("memory", enough, f"{free:.1f} GB free of {total:.1f} GB")


def _device(name: str) -> Check:
    found = probe(name)
    memory = f", {found.free_gigabytes:.1f} GB free" if found.free_gigabytes is not None else ""
    detail = f"{found.description}{memory}" if found.works else found.reason
    return Check(f"device {name}", found.works, f"3D convolution: {detail}")


def _qt() -> Check:
    bindings = [b for b in ("PyQt6", "PySide6", "PyQt5") if importlib.util.find_spec(b)]
    if not bindings:
        return Check("Qt", False, "no binding; only the napari plugin needs one: pip install PyQt6")
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    without = sys.platform.startswith("linux") and not display
    return Check("Qt", True, f"{', '.join(bindings)}{'; no display' if without else ''}")


def _models() -> list[Check]:
    try:
        models = list_models()
    except TumorSynthError as error:
        return [Check("models", False, str(error))]
    if not models:
        return [Check("models", False, "none installed")]
    return [
        Check(
            f"model {model.entry.name}",
            model.path.is_file() and sha256_of_file(model.path) == model.entry.sha256,
            f"{model.entry.megabytes:.1f} MB, hash verified"
            if model.path.is_file() and sha256_of_file(model.path) == model.entry.sha256
            else "missing, or not the file that the catalogue promises",
        )
        for model in models
    ]


def _folder(name: str, path: Path) -> Check:
    try:
        return Check(name, True, str(writable_folder(path)))
    except TumorSynthError as error:
        return Check(name, False, str(error))
