"""JPEG, stage by stage: colour, blocks, DCT, tables, Huffman's bits, and the file itself. NumPy and Numba alone.

Pictures are (H, W) or (H, W, 3), planes (H, W), blocks (rows, cols, 8, 8). :mod:`repro.stages` has the same stages for
tensors, with derivatives. A file is made in three steps: :mod:`~repro.jpeg.scans` lays coefficients out in scans,
:mod:`~repro.jpeg.symbols` and :mod:`~repro.jpeg.codes` code them, :mod:`~repro.jpeg.writer` puts the markers around.
"""
