"""JPEG, stage by stage: colour, blocks, DCT, tables, Huffman's bits, and the file itself. NumPy and Numba alone.

Pictures are (H, W) or (H, W, 3), planes (H, W), blocks (rows, cols, 8, 8). :mod:`repro.stages` has the same stages for
tensors, with derivatives; :mod:`repro.jpeg.codestream` hands integers to libjpeg.
"""
