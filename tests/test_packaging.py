"""What a user installs: the wheel's content, the manifest, a light import."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import npe2
import pytest

import napari_tumor_synth

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "napari_tumor_synth"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

LOADED_BY = """
import json, sys
{statement}
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""
HEAVY = {"torch", "monai", "napari", "PyQt6", "PySide6", "matplotlib", "nilearn", "numba", "scipy"}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("distributions")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def wheel(distributions) -> Iterator[zipfile.ZipFile]:
    (path,) = distributions.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def files_in_git() -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "src"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}


@pytest.fixture(scope="module")
def metadata(wheel) -> Message:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return message_from_bytes(wheel.read(name))


def entry_points_of(wheel: zipfile.ZipFile) -> set[tuple[str, str, str]]:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    group = ""
    found = set()
    for line in wheel.read(name).decode().splitlines():
        if line.startswith("["):
            group = line.strip("[]")
        elif line:
            key, _, value = line.partition(" = ")
            found.add((group, key, value))
    return found


def modules_loaded_by(statement: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED_BY.format(statement=statement)],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


# The wheel


def test_every_file_of_the_package_is_in_the_wheel(wheel, files_in_git):
    expected = {name.removeprefix("src/") for name in files_in_git}

    assert expected <= set(wheel.namelist())
    assert {"napari_tumor_synth/napari.yaml", "napari_tumor_synth/py.typed"} <= expected


def test_a_wheel_can_be_built_from_the_source_distribution(distributions, files_in_git):
    (path,) = distributions.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert files_in_git | {"pyproject.toml", "README.md", "LICENSE", "CITATION.cff"} <= names


def test_wheel_holds_the_package_and_its_metadata_and_nothing_else(wheel):
    metadata_folder = f"napari_tumor_synth-{napari_tumor_synth.__version__}.dist-info"

    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert tops == {"napari_tumor_synth", metadata_folder}
    assert not [name for name in wheel.namelist() if re.search(r"(^|/)tests?(/|_)", name)]
    assert not [name for name in wheel.namelist() if name.endswith((".pyc", ".nii", ".nii.gz"))]


def test_wheel_stays_small_enough_to_download(wheel):
    megabytes = sum(entry.compress_size for entry in wheel.infolist()) / 2**20

    assert megabytes < 45, "40 MB of bundled weights and little else"


def test_licence_travels_with_the_wheel(wheel, metadata):
    (name,) = [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]

    assert wheel.read(name) == (ROOT / "LICENSE").read_bytes()
    assert metadata["License-Expression"] == "BSD-3-Clause"


def test_manifest_in_the_wheel_is_the_one_at_the_top_level(wheel):
    assert (ROOT / "napari.yaml").is_symlink()
    assert (ROOT / "napari.yaml").resolve() == (PACKAGE / "napari.yaml").resolve()
    assert wheel.read("napari_tumor_synth/napari.yaml") == (ROOT / "napari.yaml").read_bytes()


def test_entry_points(wheel):
    assert entry_points_of(wheel) == {
        ("console_scripts", "tumor-synth", "napari_tumor_synth.cli.main:main"),
        ("console_scripts", "tumor-synth-workbench", "napari_tumor_synth.widgets.start:main"),
        ("napari.manifest", "napari-tumor-synth", "napari_tumor_synth:napari.yaml"),
    }


def test_command_of_the_entry_point_exists():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="tumor-synth")

    assert callable(script.load())


def test_version_has_one_source(metadata):
    assert PROJECT["dynamic"] == ["version"]
    assert "version" not in PROJECT
    assert metadata["Version"] == napari_tumor_synth.__version__
    assert importlib.metadata.version("napari-tumor-synth") == napari_tumor_synth.__version__


def test_qt_comes_only_with_an_extra_that_names_it(metadata):
    assert {"pyqt6", "pyside6", "all", "dev"} <= set(metadata.get_all("Provides-Extra"))
    always = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert not [line for line in always if re.match(r"(?i)pyqt|pyside|napari\[", line)]
    assert [line for line in always if line.startswith("napari")]


def test_requirements_are_ranges_and_constraints_are_pins():
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        assert not [line for line in group if "==" in line]

    pins = [
        line
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line) for line in pins)
    assert pins == sorted(pins, key=str.upper)
    assert "torch==2.13.0" in pins


def _imported(path: Path) -> set[str]:
    """Return the first names of what a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"napari_tumor_synth"}


def test_what_the_package_imports_is_declared_and_the_other_way_round():
    def normal(name):
        return re.sub(r"[-_.]+", "-", name).lower()

    declared = {normal(re.match(r"[\w.-]+", line)[0]) for line in PROJECT["dependencies"]}
    owners = importlib.metadata.packages_distributions()
    imported = set().union(*(_imported(path) for path in PACKAGE.rglob("*.py")))
    needed = {name: {normal(owner) for owner in owners[name]} for name in imported}

    assert [name for name, owners in needed.items() if not owners & declared] == []
    without_import = declared - set().union(*needed.values())
    assert without_import <= {"magicgui"}, "panels to come are made with it"


# The manifest


def test_manifest_is_valid_and_is_the_one_that_napari_finds():
    manifest = npe2.PluginManifest.from_file(PACKAGE / "napari.yaml")

    manifest.validate_imports()
    assert manifest.name == PROJECT["name"]
    assert npe2.PluginManifest.from_distribution("napari-tumor-synth") == manifest


# A light import


def test_importing_the_package_loads_nothing_heavy():
    assert not HEAVY & modules_loaded_by("import napari_tumor_synth")


def test_reading_the_manifest_loads_nothing_heavy():
    statement = (
        "import npe2; manifest = npe2.PluginManifest.from_distribution('napari-tumor-synth'); "
        "assert manifest.name"
    )

    assert not {"torch", "monai"} & modules_loaded_by(statement)
