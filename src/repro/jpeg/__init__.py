"""JPEG, stage by stage: colour, blocks, DCT, tables, and the file itself.

The stages up to the tables are differentiable PyTorch; :mod:`repro.jpeg.codestream` hands integers to libjpeg.
"""
