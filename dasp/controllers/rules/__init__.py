"""Controllers that follow rules and need no training."""
