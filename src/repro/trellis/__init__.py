"""Rate–distortion optimised quantisation: which whole numbers to write, by what they cost and what they are worth.

:mod:`~repro.trellis.symbols` counts what Huffman coding will charge, :mod:`~repro.trellis.paths` chooses the
coefficients of a block that make weighted error and bits together least, :mod:`~repro.trellis.planes` brings pictures
there and back.
"""
