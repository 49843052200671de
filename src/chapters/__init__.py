"""The book's pictures: one module a chapter, on the common ground of :mod:`chapters.style`.

Every function returns a matplotlib ``Figure`` that no window and no global list holds, so that a cell shows it by
ending in it, once.
"""
