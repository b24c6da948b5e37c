"""Everything that talks to the outside: Label Studio, HTTP, Redis, the command line."""
