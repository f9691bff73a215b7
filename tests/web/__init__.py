"""The web application's own checks (`make web`)."""
