"""Weights of trained networks, as safetensors."""
