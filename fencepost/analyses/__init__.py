"""What combines several runs of engines: expectations, barriers, mutants, parts never used."""
