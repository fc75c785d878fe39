"""What a user runs: catalogue, checkpoint files, sampling, provenance."""
