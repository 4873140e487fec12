"""What combines several runs of engines: expectations, barriers that help, parts never used."""
