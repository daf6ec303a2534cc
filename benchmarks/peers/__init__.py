"""Others at the same job, each a program of its own: broker, events, labels, scores, group."""
