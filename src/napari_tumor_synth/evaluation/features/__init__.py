"""What networks see in ROIs: vectors by which sets are compared."""
