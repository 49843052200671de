"""Trellis quantisation: the whole numbers to write are those that make weighted error plus λ · bits least.

:mod:`~repro.trellis.sensitivity` says what errors weigh, :mod:`~repro.trellis.costs` what symbols cost in a file's
scans. :mod:`~repro.trellis.paths` finds the best numbers of a block, :mod:`~repro.trellis.planes` those of a picture.
:mod:`~repro.trellis.tables` learns quantisation tables with all of that in the loop, and
:mod:`~repro.trellis.own_tables` fits them to one picture.
"""
