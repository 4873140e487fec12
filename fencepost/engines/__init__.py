"""The engines: each reads a System and returns a Result; none imports another."""
