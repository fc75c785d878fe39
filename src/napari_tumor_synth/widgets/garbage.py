"""Keeps Python's search for garbage short while layers are taken away.

napari searches for garbage whenever a layer leaves a canvas, and here are four canvases. With torch
loaded each search takes a good part of a second; `benchmarks/workbench.py` times the whole.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_holders = 0


@contextmanager
def no_long_search() -> Iterator[None]:
    """Leave what exists already out of searches for garbage; it is searched again afterwards."""
    global _holders
    if _holders == 0:
        gc.freeze()
    _holders += 1
    try:
        yield
    finally:
        _holders -= 1
        if _holders == 0:
            gc.unfreeze()
