"""The book's machinery: helpers that notebooks call, and what executes, checks, builds and prints them.

Notebooks import the helpers (``glue``, ``frames_slider``, ``curtain``, ``points``, ``eyes``) from here, tables and
badges from :mod:`bookkit.html`. The rest is for ``make book`` and imports papermill and Jupyter Book only when called.
"""

from bookkit.curtain import curtain
from bookkit.eyes import eyes
from bookkit.glue import glue
from bookkit.points import points
from bookkit.widgets import frames_slider

__all__ = ["curtain", "eyes", "frames_slider", "glue", "points"]
