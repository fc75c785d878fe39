"""The napari face."""
