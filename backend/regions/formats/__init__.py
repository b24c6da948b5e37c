"""The formats of region geometry: one codec each, from a mask to the region's `value` and back."""
