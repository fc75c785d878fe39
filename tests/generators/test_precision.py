"""Which precision is taken on which device."""

import pytest
import torch

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.generators import precision
from napari_tumor_synth.generators.precision import choose_precision, decoder_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("there", [True, False])
def test_auto_takes_what_held(monkeypatch, there):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: there)
    assert choose_precision("auto", CPU, causal=True) == "int8"
    assert choose_precision("auto", CPU, causal=False) == "float32"
    assert choose_precision("auto", CUDA, causal=True) == "float32"
    assert decoder_precision("int8", CPU) == ("bfloat16" if there else "float32")
    assert decoder_precision("bfloat16", CUDA) == "bfloat16"
    assert decoder_precision("float32", CPU) == "float32"


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
@pytest.mark.parametrize("device", [CPU, CUDA])
@pytest.mark.parametrize("causal", [True, False])
def test_what_is_asked_for_is_taken(name, device, causal):
    assert choose_precision(name, device, causal=causal) == name


def test_int8_is_for_causal_models_on_processors():
    assert choose_precision("int8", CPU, causal=True) == "int8"
    with pytest.raises(InputError, match="the device cuda"):
        choose_precision("int8", CUDA, causal=True)
    with pytest.raises(InputError, match="parallel decoding"):
        choose_precision("int8", CPU, causal=False)
    with pytest.raises(InputError, match="no precision 'half'"):
        choose_precision("half", CPU, causal=True)


def test_a_processor_says_whether_it_has_bfloat16(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    assert precision.has_bfloat16()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True}, raising=False)
    assert not precision.has_bfloat16()
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # as in older versions
    assert not precision.has_bfloat16()
