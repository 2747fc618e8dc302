"""A table that is made when all pages have been read, after the theme has looked."""

from docutils import nodes


def row(cells: list[nodes.Node]) -> nodes.row:
    entries = [nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells]
    return nodes.row("", *entries)


def table(
    name: str, rows: list[list[nodes.Node]], heads: tuple[str, ...] = ()
) -> nodes.container:
    """A table of the class ``name``, in the box in which furo lets tables scroll."""
    columns = len(rows[0] if rows else heads)
    group = nodes.tgroup("", cols=columns)
    group += [nodes.colspec(colwidth=1) for _ in range(columns)]
    if heads:
        group += nodes.thead("", row([nodes.Text(head) for head in heads]))
    group += nodes.tbody("", *[row(cells) for cells in rows])
    made = nodes.table("", group, classes=[name])
    return nodes.container("", made, classes=["table-wrapper"])
