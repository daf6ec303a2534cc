"""Events into vectors: from the event itself and from earlier records only."""
