"""A calculator as a tool: it reads an expression and never runs code.

The expression is parsed by :mod:`ast`, and only whole numbers, ``+``, ``-``, ``*`` and
parentheses are computed. ``eval`` would also run ``__import__("os").remove(...)``.
"""

import ast
import operator

OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
LONGEST = 80  # characters


def evaluate(expression: str) -> int:
    """Value of an expression of whole numbers.

    Raises
    ------
    ValueError
        If the expression is too long, is not an expression, or has anything but whole
        numbers, +, -, * and parentheses.

    Examples
    --------
    >>> evaluate("12 * (34 - 1)")
    396
    >>> evaluate("9 ** 9 ** 9")
    Traceback (most recent call last):
    ValueError: cannot compute '9 ** 9 ** 9'
    """
    if len(expression) > LONGEST:
        raise ValueError(f"{len(expression)} characters, at most {LONGEST}")
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError):  # a null byte is a ValueError in some versions
        raise ValueError(f"not an expression: {expression!r}") from None
    return value(tree, expression)


def value(node: ast.expr, expression: str) -> int:
    """Value of a node of the tree; ``expression`` is for the message."""
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -value(inner, expression)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in OPERATIONS:
            sides = value(left, expression), value(right, expression)
            return OPERATIONS[type(sign)](*sides)
    raise ValueError(f"cannot compute {expression!r}")
