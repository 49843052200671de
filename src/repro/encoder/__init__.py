"""A photo in, a standard JPEG out: what ``repro encode`` does.

:mod:`~repro.encoder.images` opens any picture as 8-bit samples, :mod:`~repro.encoder.models` turns a quality into
tables, :mod:`~repro.encoder.analysis` makes coefficients in memory that grows with the picture and no faster,
:mod:`~repro.encoder.search` meets a number of bits, :mod:`~repro.encoder.encode` puts them together for one picture
and :mod:`~repro.encoder.batch` for many.
"""
