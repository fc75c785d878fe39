"""What answers of readers say: figures, their intervals, and tests that hold up."""
