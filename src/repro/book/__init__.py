"""The book's machinery: what notebooks say to it, and what runs and builds it.

Notebooks import the helpers (``glue``, ``frames_slider``, ``curtain``, ``points``) from here, tables and badges from
:mod:`repro.book.html`. The executor (:mod:`repro.book.execute`) and the builder (:mod:`repro.book.build`) are for
``repro book`` and import papermill and Jupyter Book only when called.
"""

from repro.book.curtain import curtain
from repro.book.glue import glue
from repro.book.points import points
from repro.book.widgets import frames_slider

__all__ = ["curtain", "frames_slider", "glue", "points"]
