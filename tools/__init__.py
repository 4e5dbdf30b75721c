"""What `make` needs beyond one line. Run as `python -m tools.NAME` from the repository's root."""
