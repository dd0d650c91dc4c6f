"""What a change of the sequence does to predicted tracks: statistics of variants and genes."""
