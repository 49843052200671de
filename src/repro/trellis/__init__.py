"""Trellis quantisation: choose the quantised coefficients that minimise weighted squared error + λ · bits.

:mod:`~repro.trellis.sensitivity` gives the weights of errors, :mod:`~repro.trellis.costs` the bits of symbols in a
file's scans. :mod:`~repro.trellis.paths` finds the best numbers of a block, :mod:`~repro.trellis.planes` those of a
picture. :mod:`~repro.trellis.tables` learns quantisation tables with all of that in the loop, and
:mod:`~repro.trellis.own_tables` fits them to one picture.
"""
