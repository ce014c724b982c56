"""Render components to Kubernetes objects through their definitions.

`evaluator` runs the program of the folder `evaluator`; `cache` stores its answers. `requests`
builds its questions, and `findings` translates its errors. `rendering` combines them.
"""
