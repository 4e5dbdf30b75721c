"""The encrypted link."""
