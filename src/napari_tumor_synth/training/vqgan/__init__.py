"""Training of the 3D-VQGAN family."""
