"""ignite-delayed: let PyTorch-Ignite handlers start later, on the clock or on a metric."""

import lazy_loader

__version__ = "0.1.0"

# Resolved on first use: past runs can be studied, and the command line starts, without importing torch and ignite.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
