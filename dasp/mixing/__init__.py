"""The console and its document: strips of processors for tracks, and one for their sum."""
