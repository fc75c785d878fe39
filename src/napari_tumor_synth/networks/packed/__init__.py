"""One step of a causal transformer on the processor, at the speed at which weights can be read."""
