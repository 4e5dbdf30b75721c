"""Who gets the next lease, and why the others wait. Pure."""
