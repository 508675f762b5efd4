"""Speed and memory against peers and against the measured floor; `make bench` runs it all."""
