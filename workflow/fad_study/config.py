"""Read a study's configuration, check it against the schema, and report every error in it."""

from __future__ import annotations

import copy
import difflib
import itertools
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from fad_core.errors import ConfigError


def _is_finite(_checker: object, value: object) -> bool:
    """Return whether a value is a finite number: YAML's .nan and .inf would pass every minimum."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("number", _is_finite),
)


_MAX_DEPTH = 50
_MAX_EXPANDED = 1_000_000
_SHOWN = 200
"""Number of characters of a wrong value that a message shows."""


class _StrictLoader(yaml.SafeLoader):
    """Loader of YAML that refuses what a study never needs, and what would stop the program.

    These are keys given twice, of which the plain loader keeps the last one; values nested too deeply; and
    aliases (`*name`) that contain themselves, or expand to too much: a few lines may expand to any size.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._depth = 0
        # Size in characters, with all aliases expanded, of each node that is complete.
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"values nested more than {_MAX_DEPTH} deep", problem_mark=mark
            )
        is_alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is None:
            return None
        if is_alias and id(node) not in self._sizes:
            raise yaml.MarkedYAMLError(problem="an alias (*name) contains itself", problem_mark=mark)
        if id(node) not in self._sizes:
            self._sizes[id(node)] = self._size(node)
        # Without aliases, a node is at most twice as large as the text read so far, by its punctuation.
        if self._sizes[id(node)] > 2 * self.index + _MAX_EXPANDED:
            problem = f"the aliases (*name) expand to more than {_MAX_EXPANDED} characters"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        return node

    def _size(self, node: yaml.Node) -> int:
        """Return the expanded size of a node whose children are complete."""
        if isinstance(node, yaml.ScalarNode):
            return len(node.value) + 1
        children = node.value if isinstance(node, yaml.SequenceNode) else itertools.chain(*node.value)
        return 1 + sum(self._sizes.get(id(child), 0) for child in children)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue  # `<<: *anchor` is no key
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # the plain loader raises
            if key in seen:
                line = key_node.start_mark.line + 1
                raise ConfigError(f"{key_node.start_mark.name}, line {line}: {key!r} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises:
        ConfigError: the file is missing, is not YAML, gives a key twice, is nested too deeply, or has
            aliases that contain themselves or expand to too much.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            # A subclass of the safe loader.
            return yaml.load(stream, Loader=_StrictLoader)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        quotes = (
            ": write a text that begins with @ in quotes" if "'@' that cannot start" in str(error) else ""
        )
        raise ConfigError(f"{path} is not valid YAML: {error}{quotes}") from error


@dataclass(frozen=True)
class Examined:
    """A configuration, checked against the schema.

    Attributes:
        config: all well-formed parts, with every default filled in.
        errors: one message for each error, with its place in the file.
        damaged: top-level keys that have lost parts in `config`.
    """

    config: dict[str, Any]
    errors: list[str]
    damaged: frozenset[str]


def examine_config(config: Mapping[str, Any], schema_path: Path) -> Examined:
    """Check a configuration, fill in the defaults of missing keys, and leave out parts with errors.

    Args:
        config: as read from YAML; not changed.
        schema_path: path of a JSON schema (draft 2020-12), as YAML.
    """
    schema = read_yaml(schema_path)
    usable = copy.deepcopy(dict(config)) if isinstance(config, Mapping) else {}
    if isinstance(sets := usable.get("datasets"), dict):
        # A path, or several, is short for a group with the key `path`.
        short = {name: {"path": entry} for name, entry in sets.items() if isinstance(entry, str | list)}
        config = usable = {**usable, "datasets": {**sets, **short}}
        usable = copy.deepcopy(usable)
    found = list(_Validator(schema).iter_errors(config))
    # The validator reports each missing key, and each time the message names all of them: a set.
    errors = sorted({line for error in found for line in _describe(error)})
    damaged = frozenset(filter(None, [_leave_out(usable, error) for error in found]))
    filled: dict[str, Any] = _with_defaults(usable, schema)
    return Examined(filled, errors, damaged)


def _leave_out(config: dict[str, Any], error: Any) -> str:
    """Remove the part of a configuration with an error: an unknown key, a data set, a model or a whole key.

    Returns:
        The top-level key that lost a part; "" if none did.
    """
    path = list(error.absolute_path)
    if error.validator == "additionalProperties":
        place: Any = config
        for part in path:
            # None where a part above is removed already.
            place = place[part] if isinstance(place, list) else (place or {}).get(part)
        for key in set(error.instance) - set(error.schema["properties"]):
            (place or {}).pop(key, None)
        return ""
    if "propertyNames" in error.absolute_schema_path:
        path.append(error.instance)
    if not path:
        return ""
    if error.validator == "uniqueItems" and path == ["metrics"] and "metrics" in config:
        # The others are checked, too.
        config["metrics"] = [
            item for place, item in enumerate(error.instance) if item not in error.instance[:place]
        ]
    elif path[0] not in ("datasets", "models") or len(path) == 1:
        config.pop(path[0], None)
    elif isinstance(config.get(path[0]), dict):
        config[path[0]].pop(path[1], None)
    elif isinstance(config.get(path[0]), list):
        # Further errors refer to the other entries by their index.
        config[path[0]][path[1]] = None
    return str(path[0])


def require_no_errors(errors: Sequence[str]) -> None:
    """Raise one `ConfigError` that lists all errors, if there are any."""
    if errors:
        listed = "\n".join(f"  - {error}" for error in errors)
        raise ConfigError(f"the configuration cannot be used:\n{listed}")


def _describe(error: Any) -> Iterator[str]:
    place = ".".join(str(part) for part in error.absolute_path)
    at = f"{place}: " if place else ""
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", ()))
        for key in sorted(set(error.instance) - set(known), key=str):
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
            yield f"{at}unknown key {str(key)!r}; {hint}"
    elif error.validator == "required":
        missing = [repr(key) for key in error.validator_value if key not in error.instance]
        yield f"{at}{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    elif error.validator == "dependentRequired":
        # The validator reports each key that requires another, and each time the message names all of them.
        for key, wanted in error.validator_value.items():
            missing = [
                repr(other) for other in wanted if key in error.instance and other not in error.instance
            ]
            if missing:
                yield f"{at}{key!r} requires {', '.join(missing)}"
    elif error.validator == "anyOf" and all(set(option) == {"required"} for option in error.validator_value):
        options = [
            " and ".join(repr(key) for key in option["required"] if key not in error.instance)
            for option in error.validator_value
        ]
        yield f"{at}{', or '.join(options)} must be given"
    elif error.validator == "not" and "required" in error.validator_value:
        # Of dependentSchemas: a key, and those that must not be given with it.
        names = [*error.validator_value["required"], error.absolute_schema_path[-2]]
        yield f"{at}{' and '.join(map(repr, names))} exclude each other: give one of them"
    elif error.validator == "type" and error.instance is None:
        yield f"{at}has no value"
    elif error.validator == "enum" and (removed := error.schema.get("removed", {}).get(str(error.instance))):
        yield at + removed
    elif error.validator == "uniqueItems":
        twice = {str(item) for item in error.instance if error.instance.count(item) > 1}
        yield f"{at}{', '.join(sorted(twice))} is given twice"
    else:
        words = _WORDS.get(error.validator) or error.message.replace("{", "{{").replace("}", "}}")
        given = repr(error.instance)
        line = at + words.format(
            given=given if len(given) <= _SHOWN else given[:_SHOWN] + "…",
            wanted=_wanted(error.validator_value),
            description=error.schema.get("description", "one of several forms"),
        )
        yield line if len(line) <= 4 * _SHOWN else line[: 4 * _SHOWN] + "…"


def _wanted(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return _TYPES.get(value, str(value)) if isinstance(value, str) else str(value)


# Words for the terms of JSON schema.
_TYPES = {
    "array": "a list",
    "integer": "a whole number",
    "number": "a finite number",
    "object": "a group of `key: value`",
    "string": "text (numbers, yes and no are text in quotes)",
}
_WORDS = {
    "anyOf": "{given} is not valid; expected: {description}",
    "enum": "{given} is not one of {wanted}",
    "exclusiveMinimum": "{given} is not greater than {wanted}",
    "maximum": "{given} is greater than {wanted}",
    "maxLength": "{given} is longer than {wanted} characters",
    "minItems": "is an empty list",
    "minLength": "is empty",
    "minProperties": "is empty",
    "minimum": "{given} is less than {wanted}",
    "not": "{given} is a reserved name; choose another one",
    "pattern": "the name {given} must consist of letters, digits, '.', '_' and '-', "
    "and start with a letter or digit",
    "type": "{given} is not {wanted}",
}


def _with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        properties: Mapping[str, Any] = schema.get("properties", {})
        others = schema.get("additionalProperties") or {}
        filled = {key: _with_defaults(entry, properties.get(key, others)) for key, entry in value.items()}
        for key, described in properties.items():
            if key not in filled and "default" in described:
                filled[key] = described["default"]
        return filled
    if isinstance(value, list):
        return [_with_defaults(entry, schema.get("items", {})) for entry in value if entry is not None]
    return value
