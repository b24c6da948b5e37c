"""Images of tasks: from an address to bytes, from bytes to pixels."""
