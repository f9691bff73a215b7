"""SIP rules of our own, without I/O: digest answers, nonces, and the seals that keep dialogs ours."""
