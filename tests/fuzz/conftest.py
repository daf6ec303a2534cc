"""Atheris, which the child runs under, is no package that tests bring (see the extra `fuzz`)."""

collect_ignore = ["child.py"]
