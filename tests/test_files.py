"""Files are whole or absent, whatever happens while they are written."""

import errno
import hashlib
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.files import atomic_file, sha256_of_file, writable_folder, write_json
from napari_tumor_synth.progress import Cancelled

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions and limits")

FILE_THAT_OUTGROWS_THE_DISK = """
import resource, signal, sys
from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.files import atomic_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with atomic_file(sys.argv[1]) as temporary:
        temporary.write_bytes(bytes(5000))
except OutputError as error:
    print(error)
"""

WRITER_WITHOUT_RIGHTS = """
import os, sys
from napari_tumor_synth.errors import OutputError
from napari_tumor_synth.files import atomic_file, writable_folder
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    writable_folder(sys.argv[1])
except OutputError as error:
    print(error)
try:
    with atomic_file(sys.argv[1] + "/image.nii"):
        print("the block was entered")
except OutputError as error:
    print(error)
"""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run(program: str, argument: Path, **options) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, str(argument)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_file_appears_when_the_block_ends_and_not_before(tmp_path):
    target = tmp_path / "result.bin"

    with atomic_file(target) as temporary:
        temporary.write_bytes(b"whole")
        assert not target.exists()

    assert target.read_bytes() == b"whole"
    assert names_in(tmp_path) == ["result.bin"]


def test_folder_is_made(tmp_path):
    with atomic_file(tmp_path / "a" / "b" / "result.txt") as temporary:
        temporary.write_text("x")

    assert (tmp_path / "a" / "b" / "result.txt").read_text() == "x"


@pytest.mark.parametrize("name", ["roi.nii.gz", "weights.safetensors", "table.csv", "README"])
def test_temporary_file_lies_beside_the_target_and_keeps_all_suffixes(tmp_path, name):
    with atomic_file(tmp_path / name) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffixes == Path(name).suffixes
        temporary.write_bytes(b"")


def write_half_and_fail(target: Path, failure: BaseException) -> None:
    with atomic_file(target) as temporary:
        temporary.write_text("newer, but ha")
        raise failure


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt(), Cancelled()])
def test_failure_leaves_nothing_and_is_not_hidden(tmp_path, failure):
    with pytest.raises(type(failure)) as caught:
        write_half_and_fail(tmp_path / "result.txt", failure)

    assert caught.value is failure
    assert names_in(tmp_path) == []


def test_failure_keeps_the_older_file(tmp_path):
    target = tmp_path / "result.txt"
    target.write_text("older")

    with pytest.raises(ZeroDivisionError):
        write_half_and_fail(target, ZeroDivisionError())

    assert target.read_text() == "older"
    assert names_in(tmp_path) == ["result.txt"]


def test_success_replaces_the_older_file(tmp_path):
    target = tmp_path / "result.txt"
    target.write_text("a much longer older text")

    with atomic_file(target) as temporary:
        temporary.write_text("newer")

    assert target.read_text() == "newer"


def test_error_of_a_writer_that_names_the_disk_becomes_a_sentence(tmp_path):
    target = tmp_path / "result.txt"

    with pytest.raises(OutputError) as caught, atomic_file(target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert str(target) in caught.value.problem
    assert "No space left on device" in caught.value.problem
    assert "free space" in caught.value.remedy
    assert names_in(tmp_path) == []


@posix
def test_disk_that_fills_up_half_way_leaves_nothing(tmp_path):
    printed = run(FILE_THAT_OUTGROWS_THE_DISK, tmp_path / "image.nii")

    assert printed.startswith(f"Cannot write {tmp_path / 'image.nii'}: ")
    assert "free space" in printed
    assert names_in(tmp_path) == []


@posix
def test_folder_without_rights_is_told_before_the_work(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)  # a user without rights may look, else the reason would be another
    locked.chmod(0o555)

    printed = run(WRITER_WITHOUT_RIGHTS, locked)

    assert printed.splitlines() == [
        f"Cannot write {locked}: Permission denied. "
        "Choose a folder that you may write to and that has free space.",
        f"Cannot write {locked / 'image.nii'}: Permission denied. "
        "Choose a folder that you may write to and that has free space.",
    ]
    assert names_in(locked) == []


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "out").write_text("I am a file")

    with pytest.raises(OutputError, match="Cannot write"), atomic_file(tmp_path / "out" / "a.txt"):
        pytest.fail("the block was entered")
    with pytest.raises(OutputError, match="is a file"):
        writable_folder(tmp_path / "out")


def test_a_folder_where_the_file_should_be(tmp_path):
    (tmp_path / "result.txt").mkdir()

    with pytest.raises(OutputError), atomic_file(tmp_path / "result.txt") as temporary:
        temporary.write_text("x")

    assert names_in(tmp_path) == ["result.txt"]


@posix
def test_mode_is_that_of_an_ordinary_new_file(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.touch()

    with atomic_file(tmp_path / "ours") as temporary:
        temporary.write_text("x")

    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ordinary", "ours")}
    assert len(modes) == 1


def test_writers_of_the_same_file_do_not_meet(tmp_path):
    target = tmp_path / "shared.txt"
    texts = [str(number) * 10_000 for number in range(8)]

    def write(text: str) -> None:
        with atomic_file(target) as temporary:
            temporary.write_text(text)

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert target.read_text() in texts
    assert names_in(tmp_path) == ["shared.txt"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(content=json_values)
def test_json_comes_back_as_it_was(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("json") / "content.json"

    write_json(path, content)

    assert json.loads(path.read_text("utf-8")) == content


def test_json_is_readable_by_people(tmp_path):
    write_json(tmp_path / "a.json", {"name": "Größe", "values": [1]})

    text = (tmp_path / "a.json").read_text("utf-8")
    assert text == '{\n  "name": "Größe",\n  "values": [\n    1\n  ]\n}\n'


def test_json_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"fine": 1, "not": object()})

    assert names_in(tmp_path) == []


def test_sha256_of_known_bytes(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of_file(tmp_path / "abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    )

    large = os.urandom(3_000_000)
    (tmp_path / "large").write_bytes(large)
    assert sha256_of_file(tmp_path / "large") == hashlib.sha256(large).hexdigest()


def test_writable_folder_is_made_and_left_empty(tmp_path):
    folder = writable_folder(tmp_path / "a" / "b")

    assert folder == tmp_path / "a" / "b"
    assert names_in(folder) == []
