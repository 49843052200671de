"""The book's machinery: what notebooks say to it, and what runs and builds it.

Notebooks import the helpers (``glue``, ``frames_slider``, ``curtain``, ``points``) from here, tables and badges from
:mod:`bookkit.html`. The executor (:mod:`bookkit.execute`) and the builder (:mod:`bookkit.build`) are for
``repro book`` and import papermill and Jupyter Book only when called.
"""

from bookkit.curtain import curtain
from bookkit.glue import glue
from bookkit.points import points
from bookkit.widgets import frames_slider

__all__ = ["curtain", "frames_slider", "glue", "points"]
