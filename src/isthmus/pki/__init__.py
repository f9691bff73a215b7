"""The private CA: certificates by which sites know one another and phones know a site."""
