package behaviour

// Being written by a colleague at this moment (21:05): leave this theme to them.
