"""Label Studio seen from here: its origin and tokens, its API, its labelling configurations."""
