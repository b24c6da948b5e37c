"""Worker processes: one for predictions with the model loaded, one for training."""
