"""The benchmark of expression QTLs: do scores tell causal variants, and which way they act?"""
