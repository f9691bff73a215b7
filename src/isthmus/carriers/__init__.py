"""Carriers that numbers are bought from: the contract that each fulfils, and what is bought by it."""
