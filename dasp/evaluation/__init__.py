"""How near a mix comes to another: errors, baselines, listening tests and their statistics."""
