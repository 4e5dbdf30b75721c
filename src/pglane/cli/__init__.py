"""The command line; the only place that wires objects together."""

from pglane.cli.command import main

__all__ = ["main"]
