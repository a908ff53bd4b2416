"""Accounts: who signs in, by which link, and what they may use."""
