"""The trainer's run.

* ``run``: whether we are inside it, its clock, and how far it is.
* ``resuming``: how it begins: afresh, or as the continuation of what is known of it; ``gaps``: what is lost then.
* ``silence``: what is said at its end where nothing came of it.
"""
