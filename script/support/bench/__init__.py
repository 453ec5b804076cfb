"""Figures of speed. Each bench is a module here with `run(ctx) -> list[Figure]`.

A module's name is the bench's name; its docstring's first line says what it measures. `run` gets
a `Context`: a database of its own, a web server with as many processes as it wants, a size that
follows `--quick`, a seed. A figure stands beside its yardstick from the same run.
"""

from support.bench.figures import Figure

__all__ = ["Figure"]
