"""The cluster itself: which one, as whom, what it serves and what it offers this user."""
