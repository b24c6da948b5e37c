"""Labelling configurations for tests."""

from xml.sax.saxutils import quoteattr


def view(*parts: str) -> str:
    return '<View><Image name="image" value="$image"/>' + "".join(parts) + "</View>"


def brush(*labels: str, attributes: str = "", name: str = "brush", tag: str = "BrushLabels") -> str:
    """A control with labels: each a name, or the attributes of its tag."""
    inner = "".join(
        f"<Label {label}/>"
        if label.startswith(("value=", "alias="))
        else f"<Label value={quoteattr(label)}/>"
        for label in labels
    )
    return f'<{tag} name="{name}" toName="image" {attributes}>{inner}</{tag}>'
