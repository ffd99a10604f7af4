"""Situations that a person should be able to see the console's answer to, each made and unmade by name.

A scenario changes the records of the console that it is run on, as somebody at that server would have; nothing in
the console's own code knows of it.
"""

from ivmweb.lab.scenarios import load, many, mobile, network, storage, unwilling  # noqa: F401 (each registers its own)
from ivmweb.lab.scenarios.by_hand import BY_HAND
from ivmweb.lab.scenarios.registry import SCENARIOS, NotPossible, Where, run, undo, undo_all

__all__ = ["BY_HAND", "SCENARIOS", "NotPossible", "Where", "run", "undo", "undo_all"]
