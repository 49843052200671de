"""The models and efforts of ``repro encode`` that need PyTorch: attention, trained checkpoints, and the descent.

:mod:`repro.encoder` imports these modules only inside the function that picks one, so that a photo is encoded without
PyTorch whenever possible.
"""
