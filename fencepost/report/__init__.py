"""Results and traces as a person or a program reads them: terminal, JSON, JUnit."""
