"""How good samples are: fidelity, diversity, class agreement."""
