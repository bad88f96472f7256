"""What steps a rate during one phase: nothing, a schedule, or a torch scheduler."""
