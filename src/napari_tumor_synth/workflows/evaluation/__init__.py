"""What an evaluation compares, and the parts of its report."""
