"""The book's machinery: helpers for notebooks, and the code that executes, checks, builds and prints the book.

Notebooks import the helpers (``glue``, ``frames_slider``, ``curtain``, ``points``, ``eyes``) from here, and tables and
badges from :mod:`bookkit.html`. The rest serves ``make book`` and imports papermill and Jupyter Book only when called.
"""

from bookkit.curtain import curtain
from bookkit.eyes import eyes
from bookkit.glue import glue
from bookkit.points import points
from bookkit.widgets import frames_slider

__all__ = ["curtain", "eyes", "frames_slider", "glue", "points"]
