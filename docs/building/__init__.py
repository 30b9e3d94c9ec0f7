"""What makes the site of the pages: the gallery, the reference, players, formulae."""
