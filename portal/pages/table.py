"""A table that is made when all pages have been read, after the theme has looked."""

from docutils import nodes

LINE = 72  # characters of a line in a plain text; browsers choose widths by themselves
Cell = nodes.Node | list[nodes.Node]  # text, or paragraphs and lists


def row(cells: list[Cell]) -> nodes.row:
    """A row of a table."""
    contents = [
        cell if isinstance(cell, list) else [nodes.paragraph("", "", cell)]
        for cell in cells
    ]
    return nodes.row("", *[nodes.entry("", *content) for content in contents])


def table(
    name: str, rows: list[list[Cell]], heads: tuple[str, ...] = ()
) -> nodes.container:
    """A table of the class ``name``, in the box in which furo lets tables scroll."""
    columns = len(rows[0] if rows else heads)
    group = nodes.tgroup("", cols=columns)
    group += [nodes.colspec(colwidth=LINE // columns) for _ in range(columns)]
    if heads:
        group += nodes.thead("", row([nodes.Text(head) for head in heads]))
    group += nodes.tbody("", *[row(cells) for cells in rows])
    made = nodes.table("", group, classes=[name])
    return nodes.container("", made, classes=["table-wrapper"])
