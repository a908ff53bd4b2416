"""Other catalogues, searched together with this one.

A portfolio says which collections there are and which backends serve them; a backend answers questions about
one collection; `finder` puts the answers of the store and of the backends into one page.
"""
