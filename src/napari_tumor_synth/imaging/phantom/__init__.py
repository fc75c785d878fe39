"""A simulated glioma case: anatomy, growth, appearance."""
