"""The parameter groups of an optimizer: reading, writing, taking over, and who may write."""
