"""Reports of reader studies."""
