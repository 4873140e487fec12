"""The version of this package, written into traces and reports."""

VERSION = "0.1.0"
