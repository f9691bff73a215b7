"""This site as an OpenID provider: one sign-in for its console, its web phone, and programs the site file names."""
