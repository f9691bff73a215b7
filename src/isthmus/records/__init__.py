"""Call records: one a call leg, kept at the site where the leg was and told to the other sites."""
