# The parts of atheris that Streamgauge uses; the library ships no types.
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

def instrument_imports(
    include: Sequence[str], exclude: Sequence[str]
) -> AbstractContextManager[object]: ...
def Setup(args: Sequence[str], target: Callable[[bytes], None]) -> list[str]: ...  # noqa: N802
def Fuzz() -> None: ...  # noqa: N802
