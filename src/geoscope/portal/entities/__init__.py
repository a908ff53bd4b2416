"""Entities: organisations and projects whose members share what is granted to them."""
