"""Ways down: the solvers, and what they have in common."""

from .heap import expect_vectors

expect_vectors()
