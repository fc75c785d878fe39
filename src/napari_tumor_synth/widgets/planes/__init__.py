"""Axial, coronal and sagittal planes of a viewer's layers, linked by a crosshair."""
