"""The system that chooses: it hears what somebody brought, and mixes it by what serves it best."""
