"""Benchmarks: what the product does in a second, beside a baseline measured in the same run.

`python -m bench` runs them all; each is a command of its own, such as `python -m bench.mailbox`.
None judges seconds: they tell figures, and whether an aim is met follows from the figures.
"""
