"""Presence: how people can be reached now, told from the home of each to whoever may see it, at every site."""
