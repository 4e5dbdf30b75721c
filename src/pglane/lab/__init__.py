"""Scenarios, load and reports that show the named problems."""
