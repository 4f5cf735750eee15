"""`make check`: what new files are, what they lack, and a mapping for those nobody declared.

Nothing is loaded: files are read by the very ingest, but into a working file that is thrown away.
No cell of a file is ever printed; headers are, unless they look like a person's data.
"""
