"""The demo: one training on handwritten digits, ended by four rules, and what each costs.

* ``command``: what the command does; ``settings``: what can be chosen; ``task``: what is trained.
* ``runs``: the four runs; ``study``: over many seeds; ``report``: in a terminal; ``figure``: as a picture.
"""
