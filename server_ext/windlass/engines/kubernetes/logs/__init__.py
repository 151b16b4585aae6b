"""What comes out of pods: their logs, followed into a copy on this server's disk, and what ranks report in them."""
