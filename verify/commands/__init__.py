"""The commands of ``reinmax-verify``, one a file.

Each has ``add(commands)``, which describes its arguments, and a function that
runs it, prints, and returns the exit status.
"""
