"""A deep auto-encoder from raw tracks to stems: what an engineer does to an instrument, learnt."""
