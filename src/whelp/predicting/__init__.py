"""Predictions of stretches of DNA as files: BigWig and HDF5, in the units of the coverage files."""
