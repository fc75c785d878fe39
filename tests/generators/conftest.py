import pytest
import torch

from napari_tumor_synth.generators.families import load_generator
from tiny_vqgan import tiny_settings, write_tiny


@pytest.fixture(params=["causal", "parallel", "unconditional"])
def generator(request, tmp_path):
    settings = tiny_settings(
        causal=request.param != "parallel", conditional=request.param != "unconditional"
    )
    path = write_tiny(tmp_path / "tiny.safetensors", settings)
    # in bfloat16 the class makes no difference to a network as small as this
    return load_generator(path, torch.device("cpu"), precision="float32")


@pytest.fixture
def causal_generator(tmp_path):
    path = write_tiny(tmp_path / "tiny.safetensors", tiny_settings())
    return load_generator(path, torch.device("cpu"))
