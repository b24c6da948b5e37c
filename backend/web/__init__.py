"""The web process: Label Studio's contract and the product's own status. Never imports torch."""
