"""The cache as models see it: an adapter for each model, in a file of its name."""
