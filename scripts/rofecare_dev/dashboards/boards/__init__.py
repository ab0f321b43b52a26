"""One module for each dashboard; its name is the name of the file, and its function `dashboard` builds it."""
