"""A network that sets the knobs of the console: its ears, its shape, its mix."""
