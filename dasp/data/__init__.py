"""Songs as separate tracks: read from files, or made up."""
