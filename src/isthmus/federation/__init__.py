"""Signing in with what people have already: a directory's password, or an OpenID provider outside."""
