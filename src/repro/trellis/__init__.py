"""Trellis quantisation: the whole numbers to write are those that make weighted error plus λ · bits least.

:mod:`~repro.trellis.symbols` counts Huffman symbols, :mod:`~repro.trellis.costs` says what they cost in a file's scans,
:mod:`~repro.trellis.paths` finds the best numbers of a block, :mod:`~repro.trellis.planes` does so for a picture, and
:mod:`~repro.trellis.tables` learns quantisation tables with all of that in the loop.
"""
