"""Hyperparameter sweeps: what is varied, which trials are run, and what the parameters do."""
