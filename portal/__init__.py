"""The portal: a Sphinx extension (``extension``) and a command line (``__main__``).

Each package below is a room; imports go from the upper rooms to the lower ones, which
``pyproject.toml`` lists and ``make lint`` checks.
"""
