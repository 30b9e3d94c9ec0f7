"""What sets the knobs of a console."""
