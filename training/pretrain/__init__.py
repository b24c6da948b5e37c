"""Making the embedded model: stages that each are one command, resumable, with fixed seeds."""
