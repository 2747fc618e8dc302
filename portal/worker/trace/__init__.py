"""Shapes that the lines of a definition bind in a sample call.

``instrument`` weaves calls of a ``recorder`` into the definition, ``run`` evaluates the
call, ``arrays`` says what is kept of a value, and ``annotations`` reads what the source
claims about shapes, which has to be true. Nothing here knows about Sphinx.
"""
