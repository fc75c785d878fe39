"""Is this machine ready. Every check does what the program will do."""

import importlib.util
import math
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from napari_tumor_synth import __version__
from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.files import sha256_of_file, writable_folder
from napari_tumor_synth.folders import cache_folder, user_models_folder
from napari_tumor_synth.generators.catalogue import CatalogueModel, list_models
from napari_tumor_synth.generators.devices import device_names, probe
from napari_tumor_synth.processors import available_cores

_LIBRARIES = ("torch", "monai", "napari", "numpy", "nibabel", "SimpleITK", "scikit-image")
_NEEDED_GIGABYTES = 2.0
_IMPORT_SECONDS = 120
_DEBIAN_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
}
"""Where the libraries are that Qt's windows need at once; more in scripts/system_packages.sh."""


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
        _folder("models folder", user_models_folder()),
        _folder("cache folder", cache_folder()),
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
    page = os.sysconf("SC_PAGE_SIZE") / 1e9
    free, total = os.sysconf("SC_AVPHYS_PAGES") * page, os.sysconf("SC_PHYS_PAGES") * page
    limit = min(total, _container_limit())
    detail = f"{free:.1f} GB unused of {total:.1f} GB"
    if limit < total:
        detail += f", of which this container may use {limit:.1f} GB"
    return Check("memory", limit >= _NEEDED_GIGABYTES, detail)


def _container_limit() -> float:
    """Return the gigabytes that a control group allows; infinite where none says."""
    try:
        return int(Path("/sys/fs/cgroup/memory.max").read_text()) / 1e9
    except (OSError, ValueError):  # no Linux, no limit ("max")
        return math.inf


def _device(name: str) -> Check:
    found = probe(name)
    memory = f", {found.free_gigabytes:.1f} GB free" if found.free_gigabytes is not None else ""
    detail = f"{found.description}{memory}" if found.works else found.reason
    return Check(f"device {name}", found.works, f"3D convolution: {detail}")


def _qt() -> Check:
    bindings = [b for b in ("PyQt6", "PySide6", "PyQt5") if importlib.util.find_spec(b)]
    if not bindings:
        return Check("Qt", False, "no binding; only the napari plugin needs one: pip install PyQt6")
    problems = {binding: _import_problem(f"{binding}.QtWidgets") for binding in bindings}
    if all(problems.values()):  # napari takes any that works
        return Check("Qt", False, "; ".join(f"{name}: {why}" for name, why in problems.items()))
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    without = sys.platform.startswith("linux") and not display
    working = ", ".join(name for name, why in problems.items() if not why)
    return Check("Qt", True, f"{working}{'; no display' if without else ''}")


def _import_problem(module: str) -> str:
    """Import a module in a process of its own; return why it fails, or "" when it does not."""
    command = [sys.executable, "-P", "-c", f"import {module}"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_IMPORT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{module} cannot be tried ({type(error).__name__})"
    if done.returncode == 0:
        return ""
    missing = re.search(r"(lib\S+\.so\S*): cannot open shared object file", done.stderr)
    if missing:
        return f"the system library {missing[1]} is missing; {_library_remedy(missing[1])}"
    last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    return f"cannot be imported: {last}"


def _library_remedy(library: str) -> str:
    package = _DEBIAN_PACKAGES.get(library)
    if package:
        return f"on Debian or Ubuntu: sudo apt-get install {package}"
    return "install the package of your system that holds it"


def _models() -> list[Check]:
    try:
        models = list_models()
    except TumorSynthError as error:
        return [Check("models", False, str(error))]
    if not models:
        return [Check("models", False, "none installed")]
    return [_model(model) for model in models]


def _model(model: CatalogueModel) -> Check:
    name = f"model {model.entry.name}"
    try:
        if sha256_of_file(model.path) != model.entry.sha256:
            return Check(name, False, f"{model.path} is not the file that its catalogue promises")
    except OSError as error:
        return Check(name, False, f"{model.path}: {error.strerror or error}")
    return Check(name, True, f"{model.entry.megabytes:.1f} MB, hash verified")


def _folder(name: str, path: Path) -> Check:
    """Write into the folder, or into that in which it would be made; leave nothing."""
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    try:
        writable_folder(existing)
    except TumorSynthError as error:
        return Check(name, False, str(error))
    return Check(name, True, f"{path}, {shutil.disk_usage(existing).free / 1e9:.1f} GB free")
