"""The commands `fad study …`."""
