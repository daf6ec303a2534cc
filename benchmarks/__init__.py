"""How fast and how good, beside what one would write by hand."""
