"""Where what was learned is kept: a folder of this machine, or an object store that machines share."""
