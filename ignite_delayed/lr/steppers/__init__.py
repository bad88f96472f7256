"""What steps a rate during one phase: nothing, a schedule, or a torch scheduler.

* ``base``: what all can do; ``schedule``: by a schedule, ``quick``: without asking every time what an epoch settles;
  ``floored``: by a schedule that lowers no value past a least one.
* ``scheduler``: by one of torch's; ``adapted``: by one that is not of torch's class.
* ``build``: from phases to steppers; ``trial``: factories tried out on a stand-in before anything is attached.
* ``torch_state``: a scheduler's state as plain values; ``memory``: the way back, when a load is refused.
"""
