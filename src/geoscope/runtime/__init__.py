"""What `geoscope up` runs: plan -> supervisor -> edge.

`plan.py` says which parts there are, as data; `supervisor.py` keeps them alive; `edge.py` turns the services'
manifests into routes; `up.py` is the main path from a folder to a running platform.
"""
