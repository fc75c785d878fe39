"""Torch modules only: no files, no devices, no user interface."""
