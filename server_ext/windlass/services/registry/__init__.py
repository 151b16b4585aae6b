"""The model registry's use cases: find, register, compare, evaluate and promote model versions.

Models and versions are MLflow's and are asked of it each time; what a version's files say never changes and is kept.
Nothing here knows HTTP, and nothing of a model is ever loaded or run in this process.
"""
