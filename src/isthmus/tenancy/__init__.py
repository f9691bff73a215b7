"""Tenants as their operator sees them: profile, limits, suspension, and the domains they claim and prove."""
