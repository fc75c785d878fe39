"""What crosses services: generate and save, reconstruct, demo."""
