"""What knows nothing of the domain: argument checks, value classes, optional packages, saving, HTML.

* ``checks``: refusals of arguments, in one wording; ``advice``: calls that nearly fit, answered with the fix.
* ``values``: immutable values that print as calls; ``reading``: such calls read from text.
* ``saving``: saved states; ``optimizers``: what an optimizer is; ``extras``: optional packages.
* ``text``, ``html``: what is shown in logs and terminals, and in notebooks.
"""
