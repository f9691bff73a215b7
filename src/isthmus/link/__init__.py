"""Site to site: the control services' way to one another, and the directory's change feed over it."""
