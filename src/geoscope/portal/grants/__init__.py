"""Roles and quotas: asked for by users, decided by people, with reasons."""
