"""Plain data and its meaning: domains, expressions, systems, the interpreter, traces, results."""
