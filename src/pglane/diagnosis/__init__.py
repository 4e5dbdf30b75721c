"""Named problems and how each is found. Pure."""
