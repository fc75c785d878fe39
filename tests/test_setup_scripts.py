"""The set-up of `make demo` and `make test` on machines that lack something."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
SONAMES = [
    line.split()[0]
    for line in (SCRIPTS / "system_packages.sh").read_text("utf-8").splitlines()
    if line.startswith("lib") and ".so." in line
]

pytestmark = pytest.mark.skipif(
    os.name != "posix" or shutil.which("bash") is None, reason="the scripts are for bash"
)


class Machine:
    """A search path that holds only pretended commands."""

    def __init__(self, folder: Path, *, user_id: int, libraries: list[str]) -> None:
        self.folder = folder
        folder.mkdir()
        self.command("uname", "echo Linux")
        self.command("id", f"echo {user_id}")
        self.command(
            "ldconfig", *(f"echo '\t{name} (libc6,x86-64) => /x/{name}'" for name in libraries)
        )

    def command(self, name: str, *lines: str) -> None:
        path = self.folder / name
        path.write_text("\n".join([f"#!{shutil.which('bash')}", *lines, ""]))
        path.chmod(0o755)

    def run_system_packages(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [shutil.which("bash"), SCRIPTS / "system_packages.sh"],
            env={"PATH": str(self.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
        )


def test_the_list_was_read():
    assert "libEGL.so.1" in SONAMES
    assert len(SONAMES) >= 10


def test_nothing_is_said_when_nothing_is_missing(tmp_path):
    machine = Machine(tmp_path / "bin", user_id=1000, libraries=SONAMES)
    machine.command("Xvfb")

    done = machine.run_system_packages()

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_display_makes_xvfb_needless(tmp_path):
    machine = Machine(tmp_path / "bin", user_id=1000, libraries=SONAMES)

    assert machine.run_system_packages(DISPLAY=":0").returncode == 0
    assert machine.run_system_packages().stderr.endswith("sudo apt-get install xvfb\n")


def test_user_without_rights_gets_one_line_with_the_command(tmp_path):
    libraries = [name for name in SONAMES if name not in ("libEGL.so.1", "libxcb-cursor.so.0")]
    machine = Machine(tmp_path / "bin", user_id=1000, libraries=libraries)
    machine.command("Xvfb")

    done = machine.run_system_packages()

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "System libraries are missing; on Debian or Ubuntu: "
        "sudo apt-get install libegl1 libxcb-cursor0"
    ]


def test_root_on_debian_gets_them_installed(tmp_path):
    machine = Machine(tmp_path / "bin", user_id=0, libraries=SONAMES[1:])
    machine.command("apt-get", f"echo \"$@\" >> '{tmp_path}/calls'")

    done = machine.run_system_packages()

    assert done.returncode == 0, done.stderr
    update, install = (tmp_path / "calls").read_text().splitlines()
    assert update.startswith("update")
    assert install.startswith("install -y")
    assert install.endswith(" libegl1 xvfb")


def test_failed_installation_is_no_success(tmp_path):
    machine = Machine(tmp_path / "bin", user_id=0, libraries=SONAMES[1:])
    machine.command("apt-get", "echo 'E: no network' >&2", "exit 100")

    done = machine.run_system_packages(DISPLAY=":0")

    assert done.returncode == 1
    assert "E: no network" in done.stderr
    assert "sudo apt-get install libegl1" in done.stderr


@pytest.fixture
def project(tmp_path):
    """A checkout that holds what decides about the environment."""
    folder = tmp_path / "project"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(SCRIPTS / "setup_environment.sh", folder / "scripts")
    (folder / "src" / "napari_tumor_synth").mkdir(parents=True)
    for name in ("pyproject.toml", "constraints.txt", "src/napari_tumor_synth/__init__.py"):
        (folder / name).write_text("")
    return folder


def set_up(project: Path, pythons: dict[str, str], usable: set[str], **environment: str):
    """Run the script where these interpreters of these versions are first on the path."""
    folder = project.parent / "pythons"
    folder.mkdir(exist_ok=True)
    for name, version in pythons.items():
        answer = [
            f"#!{shutil.which('bash')}",
            'case "$*" in',
            f"  *ensurepip*) exit {0 if name in usable else 1} ;;",
            f"  *print*) echo {version} ;;",
            f"  --version) echo Python {version}.1 ;;",
            "  *) exit 7 ;;",  # makes no environment
            "esac",
            "",
        ]
        (folder / name).write_text("\n".join(answer))
        (folder / name).chmod(0o755)
    return subprocess.run(
        [project / "scripts" / "setup_environment.sh"],
        env={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


ALL = {"python3.11": "3.11", "python3.12": "3.12", "python3.13": "3.13", "python3": "3.12"}


def test_the_tested_python_is_preferred(project):
    done = set_up(project, ALL, set(ALL))

    assert done.stdout == "Making .venv with Python 3.11.1\n"
    done = set_up(project, ALL, set(ALL), PYTHON="python3.13")
    assert done.stdout == "Making .venv with Python 3.13.1\n"


def test_the_version_that_is_too_old_is_named(project):
    old = dict.fromkeys(ALL, "3.10")

    done = set_up(project, old, set())

    assert done.returncode == 1
    assert "python3 is Python 3.10." in done.stderr
    assert "Python 3.11, 3.12 or 3.13 with its venv module is needed." in done.stderr
    assert "PYTHON=" in done.stderr
    assert "apt-get" not in done.stderr  # which would install the same version again


def test_a_missing_venv_module_has_a_remedy(project):
    done = set_up(project, ALL, set(), PYTHON="python3.12")

    assert done.returncode == 1
    assert "sudo apt-get install python3.12-venv" in done.stderr


def test_unusable_python_is_named_and_no_environment_is_made(project, tmp_path):
    too_old = tmp_path / "python3.10"
    too_old.write_text(f"#!{shutil.which('bash')}\nexit 1\n")
    too_old.chmod(0o755)

    done = subprocess.run(
        [project / "scripts" / "setup_environment.sh"],
        env={**os.environ, "PYTHON": str(too_old)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert str(too_old) in done.stderr
    assert "Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (project / ".venv").exists()


@pytest.mark.parametrize(
    ("name", "mebibytes", "allowed"),
    [
        ("docs/page.md", 1, True),
        ("docs/page.md", 2, False),
        ("src/napari_tumor_synth/models/a.safetensors", 40, True),
        ("src/napari_tumor_synth/models/a.safetensors", 41, False),
        ("runs/a.safetensors", 2, False),
    ],
)
def test_large_files_are_kept_out(tmp_path, name, mebibytes, allowed):
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    with file.open("wb") as stream:
        stream.truncate(mebibytes * 2**20)

    done = subprocess.run(
        [SCRIPTS / "check_file_sizes.sh", name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode == 0) is allowed
    assert (name in done.stderr) is not allowed


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_the_demo_replaces_what_an_earlier_model_left():
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "demo", "ARGS=--count 2"],
        cwd=SCRIPTS.parent,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=True,
    )

    lines = done.stdout.splitlines()
    assert ".venv/bin/tumor-synth demo --overwrite --count 2" in lines
    assert lines[-1] == "scripts/open_workbench.sh .venv/bin demo/phantoms/HGG"


def test_the_workbench_is_not_opened_without_a_display(tmp_path):
    hidden = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}
    done = subprocess.run(
        [SCRIPTS / "open_workbench.sh", tmp_path, "cases"],
        env=hidden,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "No display" in done.stdout
    assert f"{tmp_path}/tumor-synth-workbench cases" in done.stdout
