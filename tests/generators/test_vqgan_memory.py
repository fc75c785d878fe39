"""The estimate of memory against what a process of its own takes."""

import subprocess
import sys

import pytest

from napari_tumor_synth.generators.catalogue import list_models
from napari_tumor_synth.generators.vqgan_memory import sampling_bytes
from tiny_vqgan import tiny_settings

MEASURE = """
import torch
from napari_tumor_synth.generators.catalogue import resolve_model
from napari_tumor_synth.generators.families import load_generator

def peak():  # getrusage would tell the peak of the process that started this one
    with open("/proc/self/status") as status:
        (line,) = [line for line in status if line.startswith("VmHWM")]
    return 1024 * int(line.split()[1])

torch.nn.functional.conv3d(torch.zeros(1, 1, 8, 8, 8), torch.zeros(1, 1, 3, 3, 3))
before = peak()
load_generator(resolve_model("phantom-flair-64")[0], torch.device("cpu")).sample("LGG", [1])
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_the_bundled_model_takes_what_its_catalogue_says():
    (entry,) = [m.entry for m in list_models() if m.entry.name == "phantom-flair-64"]
    command = [sys.executable, "-c", MEASURE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    taken = int(done.stdout) / 1e6
    assert 0.6 * taken < entry.memory_mb < 2 * taken


@pytest.mark.parametrize("causal", [True, False])
def test_more_voxels_and_more_tokens_take_more(causal):
    small = tiny_settings(causal=causal)
    wider = small.transformer.model_copy(update={"width": 256})
    larger = small.model_copy(update={"size": (32, 32, 32)})
    assert sampling_bytes(small) < sampling_bytes(larger)
    assert sampling_bytes(small) < sampling_bytes(small.model_copy(update={"transformer": wider}))
