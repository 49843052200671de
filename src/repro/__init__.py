"""A literate reproduction of *Deep Neural Network Based Image Compression Encoders*.

The package is built in floors; a module imports only from floors below its own (``tests/test_architecture.py``).
Nothing heavy is imported here, so that ``repro --help`` answers at once.
"""

__version__ = "0.1.0"
