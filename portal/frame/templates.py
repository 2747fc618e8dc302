"""The portal's own pieces of HTML, from ``portal/frame/html``."""

from pathlib import Path

import jinja2

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "html"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)


def render(template: str, **values: object) -> str:
    """The HTML of a template; text among the values is escaped."""
    return TEMPLATES.get_template(template).render(values)
