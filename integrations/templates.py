"""The template language of field mappings: Django's, less what makes a rendering unrepeatable.

A template sees one request and nothing else, and what it makes of it is the same each time, on
every machine: vendors refuse a known key with another body.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.template import Engine, Library, Template, defaultfilters, defaulttags
from django.template.base import FilterExpression, NodeList, Variable
from django.template.defaulttags import FilterNode, ForNode, WithNode
from django.template.smartif import TokenBase

UNREPEATABLE_TAGS = frozenset({"now", "lorem"})
UNREPEATABLE_FILTERS = frozenset({"random", "timesince", "timeuntil"})
FOR_PAGES = frozenset({"csrf_token", "debug", "load", "querystring", "url"})
"""Tags that need a request for a page, the project's addresses, or code."""

ANYTHING = object()
"""The value of a name that a template makes for itself."""
MISSING = object()
"""The value of a name that there is not."""


def build_engine() -> Engine:
    """Return an engine that knows no files, no libraries, no clock and no dice."""
    library = Library()
    library.tags = {
        name: tag
        for name, tag in defaulttags.register.tags.items()
        if name not in UNREPEATABLE_TAGS | FOR_PAGES
    }
    library.filters = {
        name: filter_
        for name, filter_ in defaultfilters.register.filters.items()
        if name not in UNREPEATABLE_FILTERS
    }
    engine = Engine(loaders=[])
    engine.template_builtins = [library]
    return engine


engine = build_engine()


def find_unknown(template: Template, values: Mapping[str, Any]) -> list[str]:
    """Return each name that `template` asks for, in whatever branch, and that `values` lack.

    `values` must have everything that there can be: names are looked for in them.
    """
    return list(dict.fromkeys(visit(template.nodelist, dict(values))))


def visit(nodes: NodeList, scope: dict[str, Any]) -> Iterator[str]:
    """Yield the unknown names of `nodes`; what a node defines is added to `scope` for the next."""
    for node in nodes:
        inner = scope
        if isinstance(node, ForNode):
            inner = scope | {"forloop": ANYTHING} | define_loop(node, scope)
        elif isinstance(node, WithNode):
            inner = scope | {
                name: evaluate(expression, scope) for name, expression in node.extra_context.items()
            }
        elif isinstance(node, FilterNode):
            inner = scope | {"var": ANYTHING}  # what is filtered, by Django's own name
        for name in ("asvar", "variable_name", "var_name"):
            # cycle, firstof, widthratio and regroup: what they keep is theirs to know.
            if isinstance(made := getattr(node, name, None), str):
                scope[made] = ANYTHING
        for part in find_parts(list(vars(node).values())):
            if isinstance(part, NodeList):
                yield from visit(part, inner)
            elif look_up(part, inner) is MISSING:
                yield str(part.var)


def find_parts(value: Any) -> Iterator[NodeList | Variable]:
    """Yield the variables and the nested nodes in a node's attributes."""
    if isinstance(value, NodeList | Variable):
        yield value
    elif isinstance(value, FilterExpression):
        yield from find_parts(value.var)
        yield from find_parts([arg for _, args in value.filters for _, arg in args])
    elif isinstance(value, TokenBase):
        yield from find_parts([value.value, value.first, value.second])
    elif isinstance(value, dict):
        yield from find_parts(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from find_parts(item)


def define_loop(node: ForNode, scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return the loop's names, with an item for the only one."""
    sequence: Any = node.sequence  # which its types take for a text
    items = evaluate(sequence, scope)
    if len(node.loopvars) == 1 and isinstance(items, tuple):
        return {node.loopvars[0]: items[0]}
    return dict.fromkeys(node.loopvars, ANYTHING)


def evaluate(expression: FilterExpression, scope: Mapping[str, Any]) -> Any:
    """Return what the expression stands for, as far as that is known without its filters."""
    if expression.filters or not isinstance(expression.var, Variable):
        return ANYTHING
    value = look_up(expression.var, scope)
    return ANYTHING if value is MISSING else value


def look_up(variable: Variable, scope: Mapping[str, Any]) -> Any:
    """Return the variable's value, or `MISSING` where nothing has its name."""
    if variable.lookups is None:  # a number or a text
        return ANYTHING
    name, *path = variable.lookups
    value = scope.get(name, MISSING)
    for step in path:
        if value is MISSING or value is ANYTHING:
            break
        if isinstance(value, tuple) and step.isdigit():
            value = value[0]
        else:
            value = getattr(value, step, MISSING)
    return value
