"""The kinds of source: CSV, any LDAP, Active Directory."""
