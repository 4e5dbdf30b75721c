"""Clients of a soak, one file a driver."""
