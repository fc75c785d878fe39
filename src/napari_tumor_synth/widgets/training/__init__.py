"""The parts of the Train panel."""
