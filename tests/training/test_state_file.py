import random

import pytest
import torch
from safetensors import SafetensorError

from napari_tumor_synth.errors import OutputError, TrainingError
from napari_tumor_synth.training.runs import state_file
from napari_tumor_synth.training.runs.state_file import read_state, write_state


def test_optimiser_state_comes_back_bit_for_bit(tmp_path):
    torch.manual_seed(0)
    layer = torch.nn.Linear(5, 3)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=1e-3, betas=(0.5, 0.9))
    layer(torch.randn(4, 5)).sum().backward()
    optimiser.step()
    write_state(
        {"layer": layer.state_dict(), "optimiser": optimiser.state_dict()},
        tmp_path / "s.safetensors",
    )
    state = read_state(tmp_path / "s.safetensors")
    other = torch.nn.Linear(5, 3)
    other.load_state_dict(state["layer"])
    fresh = torch.optim.AdamW(other.parameters(), lr=1e-3, betas=(0.5, 0.9))
    fresh.load_state_dict(state["optimiser"])
    batch = torch.randn(4, 5)
    for model, opt in ((layer, optimiser), (other, fresh)):
        opt.zero_grad()
        model(batch).square().sum().backward()
        opt.step()
    assert torch.equal(layer.weight, other.weight)
    assert torch.equal(layer.bias, other.bias)


def test_numbers_lists_and_integer_keys_survive(tmp_path):
    state = {"a": [1, 2.5, None, "x", True], "b": {3: torch.tensor([1, 2]), 4: {"c": 0.1}}}
    write_state(state, tmp_path / "s.safetensors")
    back = read_state(tmp_path / "s.safetensors")
    assert back["a"] == state["a"]
    assert back["b"][4] == {"c": 0.1}
    assert back["b"][3].tolist() == [1, 2]


def test_objects_are_refused(tmp_path):
    with pytest.raises(TypeError, match="object"):
        write_state({"a": object()}, tmp_path / "s.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [0, 7, 100])
def test_a_cut_file_is_an_error_with_a_remedy(tmp_path, keep):
    path = tmp_path / "s.safetensors"
    write_state({"a": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TrainingError, match="Remove it"):
        read_state(path)


def test_any_damage_is_a_sentence(tmp_path):
    path = tmp_path / "s.safetensors"
    write_state({"a": torch.arange(8), "b": [1, {2: torch.ones(2)}, None, "x"]}, path)
    whole, chance, read = path.read_bytes(), random.Random(0), 0
    for _ in range(400):
        damaged = bytearray(whole[: chance.choice([len(whole), chance.randrange(len(whole))])])
        for _ in range(chance.randrange(1, 4)):
            if damaged:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            read_state(path)
            read += 1  # a tensor's own bytes are not checked
        except TrainingError:
            pass
    assert read < 300


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*arguments):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(state_file, "save_file", full)
    with pytest.raises(OutputError, match="No space left"):
        write_state({"a": torch.arange(8)}, tmp_path / "s.safetensors")
    assert list(tmp_path.iterdir()) == []
