"""The same with several processes.

* ``meeting``: one collective, in which all ranks give and take plain values; who is missing where one is.
* ``agreement``: what they agree on, once an evaluation, before anything branches on it.
* ``rank0``: what rank 0 alone saw: held, saved, and handed over to the others.
"""
