"""SCIM 2.0 (RFC 7643, 7644): an identity provider pushes people and groups to us."""
