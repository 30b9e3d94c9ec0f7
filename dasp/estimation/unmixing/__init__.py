"""The settings of a whole mix, estimated from its tracks and the mix: one file a stage."""
