"""User agents for tests: our own, pjsua2, baresip and SIPp."""
