"""Where things are, and how a tool says that it cannot go on."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
VAR = ROOT / "var"


class ToolError(Exception):
    """An expected failure: its text is all that the user gets to see."""
