"""JPEG, stage by stage: colour, blocks, DCT, tables, Huffman coding, and the file itself. Needs only NumPy and Numba.

Pictures are (H, W) or (H, W, 3), planes (H, W), blocks (rows, cols, 8, 8). :mod:`repro.stages` has the same stages for
tensors, with derivatives. A file is made in three steps: :mod:`~repro.jpeg.scans` arranges coefficients in scans,
:mod:`~repro.jpeg.symbols` and :mod:`~repro.jpeg.codes` code them, and :mod:`~repro.jpeg.writer` adds the markers.
"""
