"""Setting a site up for the first time: what is there, what is missing, and what to do next."""
