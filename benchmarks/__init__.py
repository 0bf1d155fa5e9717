"""Measured claims: each module is run by hand, prints a table and can write its numbers as JSON."""
