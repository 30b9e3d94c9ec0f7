"""Settings from recordings: of a chain (`fitting`), and of a whole mix (`unmixing`)."""
