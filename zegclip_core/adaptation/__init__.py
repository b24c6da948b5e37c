"""What a project's corrections teach a dense CLIP, as a small addition to it that starts at nothing."""
