"""The OpenID provider: allauth's, with its gaps closed, and under the paths that clients know."""
