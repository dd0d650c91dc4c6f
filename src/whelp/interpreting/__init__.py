"""Which bases matter: saturation mutagenesis and attributions of stretches of DNA."""
