"""A random forest that predicts how loud each microphone of a drum kit is in the mix."""
