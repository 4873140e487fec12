"""A System compiled: packed states, generated successors, the search loop."""
