"""The command line; the only place that wires objects together."""
