"""Data sets made from a genome and tracks: windows, folds, coverage, records.

Nothing here knows Keras, and worker processes import it quickly.
"""
