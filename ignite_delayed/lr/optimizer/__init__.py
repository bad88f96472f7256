"""The parameter groups of an optimizer: reading, writing, taking over, and who may write.

* ``groups``: reading and writing; ``selection``: some of them alone; ``updates``: the steps that were really made.
* ``takeover``: what was there, given back when a run starts anew; ``writers``: two writers at a time are refused.
* ``stand_in``: a plain optimizer to try things on.
"""
