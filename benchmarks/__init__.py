"""Measurements: `make bench` runs them and prints ratios, since machines differ and are noisy."""
