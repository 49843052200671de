"""The book's pictures: one module per chapter, built on :mod:`chapters.style`.

Every plotting function returns a matplotlib ``Figure`` that is not registered with pyplot. A cell that ends in it shows
it exactly once.
"""
