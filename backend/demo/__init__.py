"""`make demo`: a real Label Studio, the product, photographs and masks, with one command."""
