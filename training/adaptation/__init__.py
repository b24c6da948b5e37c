"""Learning from corrections on top of a frozen dense CLIP: minutes on a CPU, from where the CLIP is."""
