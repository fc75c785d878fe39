"""Synthetic 3D brain-tumour MRI regions of interest: library, command line and napari plugin."""

__version__ = "0.1.0"
