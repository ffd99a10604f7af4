"""`./ivm bench`: figures of speed and memory, each measured beside what it is compared with, in one run."""
