"""Speed, measured on this machine by `make bench`."""
