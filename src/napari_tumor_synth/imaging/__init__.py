"""Volumes in anatomical space, regions of interest, cohorts and the phantom; no torch."""
