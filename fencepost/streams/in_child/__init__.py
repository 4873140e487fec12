"""What a Python that an audited program starts runs first; the folder is on its `PYTHONPATH`."""
