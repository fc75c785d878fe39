"""The reading window of a blinded study: a window of its own, without napari's viewer."""
