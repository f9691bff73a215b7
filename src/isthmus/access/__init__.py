"""Who may do what: principals, permissions, roles, scopes, and the one function that decides."""
