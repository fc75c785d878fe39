"""The intensity scale that every ROI and every generator shares."""

BACKGROUND = -1.0
"""Value of every voxel outside the tumour, exactly."""

FOREGROUND_FLOOR = -0.9
"""Darkest value inside the tumour: the gap to the background lets an image tell its mask."""

FOREGROUND_CEILING = 1.0
"""Brightest value inside the tumour."""
