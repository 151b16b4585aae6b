"""Jobs while they live, and at their end: followed, stopped, marked, swept, and found again by another server."""
