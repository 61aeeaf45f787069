"""How the inputs of our own forms look."""

from django.forms import Field
from unfold.widgets import BASE_INPUT_CLASSES


def style_input(field: Field) -> None:
    """Have the field's input look as unfold's do."""
    field.widget.attrs["class"] = " ".join(BASE_INPUT_CLASSES)
