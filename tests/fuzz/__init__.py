"""Whatever bytes come from outside: read, or refused in the way that is promised.

`targets.py` says what each reader promises, `seeds.py` what its inputs look like. `python -m
tests.fuzz` (`make fuzz`) runs atheris on all of them, guided by the lines that an input reaches;
the suite tries the seeds and a few changes to them.
"""
