"""A photo in, a standard JPEG out: what ``repro encode`` does.

:mod:`~repro.encoder.images` opens any picture as 8-bit samples, :mod:`~repro.encoder.models` turns a quality into
tables, :mod:`~repro.encoder.trellis_encoder` and :mod:`~repro.encoder.tables_encoder` encode with them,
:mod:`~repro.encoder.search` finds the quality that meets a target, :mod:`~repro.encoder.encode` puts this together for
one picture and :mod:`~repro.encoder.batch` for many. None of it needs PyTorch.
"""
