"""The book's machinery: what notebooks say to it (``glue``, ``frames_slider``), and what runs and builds it.

Notebooks import the helpers from here, tables and badges from :mod:`repro.book.html`. The executor
(:mod:`repro.book.execute`) and the builder (:mod:`repro.book.build`) are for ``repro book`` and import papermill and
Jupyter Book only when called.
"""

from repro.book.glue import glue
from repro.book.widgets import frames_slider

__all__ = ["frames_slider", "glue"]
