"""The version of the package, told by the console and the command line."""

VERSION = "0.1.0"
