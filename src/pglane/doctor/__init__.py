"""Checks of a set-up, one file each."""
