"""How messages go out, as far as that is a client's own matter; see `stream.delivery`."""
