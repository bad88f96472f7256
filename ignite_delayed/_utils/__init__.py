"""What knows nothing of the domain: argument checks, value classes, optional packages, saving, HTML."""
