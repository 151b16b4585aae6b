"""Experiments and their runs as the panel shows them: listed, compared, drawn.

MLflow has the truth; what is kept here is kept to answer sooner, bounded by bytes and by age.
"""
