import contextlib
import json
import struct

import pytest
import torch
from safetensors import SafetensorError

from napari_tumor_synth.errors import CheckpointError, OutputError, TumorSynthError
from napari_tumor_synth.generators import checkpoint as checkpoint_module
from napari_tumor_synth.generators.checkpoint import (
    Checkpoint,
    read_checkpoint,
    version_of_file,
    write_checkpoint,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def checkpoint():
    tensors = {"a.weight": torch.arange(6.0).reshape(2, 3).half(), "codes": torch.arange(3)}
    return Checkpoint("vqgan", {"classes": ["HGG", "LGG"]}, {"licence": "BSD-3-Clause"}, tensors)


def _rewrite_metadata(path, **changes):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] |= changes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def test_round_trip_keeps_types_settings_and_provenance(path, checkpoint):
    sha256 = write_checkpoint(checkpoint, path)
    back = read_checkpoint(path, expected_sha256=sha256, family="vqgan")
    assert back.family == "vqgan"
    assert back.settings == checkpoint.settings
    assert back.provenance == checkpoint.provenance
    assert back.sha256 == sha256
    assert back.tensors.keys() == checkpoint.tensors.keys()
    for name, tensor in checkpoint.tensors.items():
        assert back.tensors[name].dtype == tensor.dtype
        assert torch.equal(back.tensors[name], tensor)


def test_equal_content_has_an_equal_hash(path, checkpoint):
    checkpoint = Checkpoint(
        checkpoint.family,
        {"classes": ["Pilozytisches Astrozytom é", 'with "quotes" and \\']},
        checkpoint.provenance,
        checkpoint.tensors,
    )
    assert len({write_checkpoint(checkpoint, path) for _ in range(8)}) == 1
    assert read_checkpoint(path).settings == checkpoint.settings


def test_a_full_disk_is_a_sentence_and_leaves_nothing(path, checkpoint, monkeypatch):
    def full(*arguments):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoint_module, "save_file", full)
    with pytest.raises(OutputError, match="No space left"):
        write_checkpoint(checkpoint, path)
    assert list(path.parent.iterdir()) == []


def test_one_changed_bit_is_noticed(path, checkpoint):
    sha256 = write_checkpoint(checkpoint, path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is expected"):
        read_checkpoint(path, expected_sha256=sha256)


def test_another_family_is_refused(path, checkpoint):
    write_checkpoint(checkpoint, path)
    with pytest.raises(CheckpointError, match="'vqgan', not 'stylegan'"):
        read_checkpoint(path, family="stylegan")


def test_a_newer_format_asks_for_an_update(path, checkpoint):
    write_checkpoint(checkpoint, path)
    _rewrite_metadata(path, format_version="2")
    with pytest.raises(CheckpointError, match="Update napari-tumor-synth"):
        read_checkpoint(path)


def test_foreign_safetensors_are_refused(path, checkpoint):
    write_checkpoint(checkpoint, path)
    _rewrite_metadata(path, format="other")
    with pytest.raises(CheckpointError, match="not written by this program"):
        read_checkpoint(path)


def test_pickles_are_refused_without_being_opened(tmp_path):
    path = tmp_path / "model.pt"
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="tumor-synth convert"):
        read_checkpoint(path)


def test_missing_file(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint file"):
        read_checkpoint(tmp_path / "none.safetensors")


def test_damage_anywhere_in_the_header_is_a_sentence(path, checkpoint):
    sha256 = write_checkpoint(checkpoint, path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(TumorSynthError):
            read_checkpoint(path)
    for position in range(0, 300, 11):
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        path.write_bytes(damaged)
        with contextlib.suppress(TumorSynthError):  # a changed letter in a value goes unnoticed
            assert read_checkpoint(path).sha256 != sha256


def test_nothing_is_left_when_the_folder_cannot_be_written(tmp_path, checkpoint):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(TumorSynthError, match="Cannot write"):
        write_checkpoint(checkpoint, blocked / "model.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_that_cannot_be_read_is_a_sentence(path, checkpoint, monkeypatch):
    def fail(path):
        raise PermissionError(13, "Permission denied")

    with pytest.raises(CheckpointError, match=r"cannot be read: No such file.* Put it back"):
        version_of_file(path)
    write_checkpoint(checkpoint, path)
    assert version_of_file(path)[1] == path.stat().st_size
    monkeypatch.setattr(checkpoint_module, "sha256_of_file", fail)
    with pytest.raises(CheckpointError, match="cannot be read: Permission denied"):
        read_checkpoint(path)
