"""The inventory of telephone numbers: which a tenant has, what for and from whom, who owns each, and porting."""
