"""Panel of reader studies: design, read, report."""
