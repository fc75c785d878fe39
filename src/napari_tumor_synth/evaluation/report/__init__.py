"""Reports of evaluations: HTML to read, CSV and JSON to go on with."""
