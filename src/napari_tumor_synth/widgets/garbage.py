"""Keeps Python's search for garbage short while layers are taken away.

napari searches for garbage whenever a layer leaves a canvas, and here are four canvases. With torch
loaded each search takes a good part of a second; `benchmarks/workbench.py` times the whole.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_long_search() -> Iterator[None]:
    """Leave what exists already out of searches for garbage; it is searched again afterwards."""
    if gc.get_freeze_count():  # somebody else's doing, or this very one around
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
