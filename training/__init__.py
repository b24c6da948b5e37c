"""Datasets, fine-tuning, evaluation and model versions. Knows no server and no queue."""
