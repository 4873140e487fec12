"""`python -m fencepost` is the command."""

from fencepost.cli import main

main()
