"""DeepMixing: a policy that draws the gains of all tracks for one chunk of a song after another."""
