"""What goes wrong on a device, as sentences. A lost device is played by the errors torch raises."""

import pytest
import torch

from napari_tumor_synth.errors import DeviceLostError, MemoryLimitError
from napari_tumor_synth.generators.devices import memory_errors_explained


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), MemoryLimitError),
        (MemoryError(), MemoryLimitError),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you"), MemoryLimitError),
        (torch.AcceleratorError("CUDA error: device-side assert triggered"), DeviceLostError),
        (RuntimeError("CUDA error: unspecified launch failure\nmore"), DeviceLostError),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), DeviceLostError),
        (RuntimeError("shape '[2]' is invalid for input of size 3"), RuntimeError),
    ],
)
def test_errors_of_devices_become_sentences_and_others_stay(error, wanted):
    with pytest.raises(wanted) as caught, memory_errors_explained("Close other programs."):
        raise error
    assert type(caught.value) is wanted
    if wanted is DeviceLostError:
        assert "\n" not in caught.value.problem
        assert "cpu" in caught.value.remedy
