"""DNA and genomic coordinates, in NumPy alone."""
