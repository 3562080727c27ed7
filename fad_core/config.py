"""A study's configuration: read, checked against the schema, and told in full what is wrong with it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from fad_core.errors import ConfigError


def _is_finite(_checker: object, value: object) -> bool:
    """Whether it is a number that can be compared: YAML knows .nan and .inf, which pass every minimum."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("number", _is_finite),
)


class _StrictLoader(yaml.SafeLoader):
    """YAML that refuses a key given twice, where the plain loader lets the last one win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue  # `<<: *anchor` is no key
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # the plain loader says so
            if key in seen:
                line = key_node.start_mark.line + 1
                raise ConfigError(f"{key_node.start_mark.name}, line {line}: {key!r} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises:
        ConfigError: it is missing, is no YAML, or gives a key twice.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            # A subclass of the safe loader.
            return yaml.load(stream, Loader=_StrictLoader)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error


def validate_config(config: Mapping[str, Any], schema_path: Path) -> dict[str, Any]:
    """Check a configuration and fill in the defaults of what it leaves out.

    Args:
        config: as read from YAML.
        schema_path: a JSON schema (draft 2020-12), as YAML.

    Returns:
        A new configuration with every key that has a default.

    Raises:
        ConfigError: one message with every fault, each with its place in the file.
    """
    schema = read_yaml(schema_path)
    validator = _Validator(schema)
    # One fault for each missing key is reported, and each time all that are missing.
    require_no_faults(sorted({line for error in validator.iter_errors(config) for line in _describe(error)}))
    filled = _with_defaults(dict(config), schema)
    assert isinstance(filled, dict)
    return filled


def require_no_faults(faults: Sequence[str]) -> None:
    """Raise one `ConfigError` that lists the faults, if there are any."""
    if faults:
        listed = "\n".join(f"  - {fault}" for fault in faults)
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
        # One fault for each key that asks for another is reported, and each time all of them.
        for key, wanted in error.validator_value.items():
            missing = [
                repr(other) for other in wanted if key in error.instance and other not in error.instance
            ]
            if missing:
                yield f"{at}{key!r} is of no use without {', '.join(missing)}"
    elif error.validator == "anyOf" and all(set(option) == {"required"} for option in error.validator_value):
        options = [
            " and ".join(repr(key) for key in option["required"] if key not in error.instance)
            for option in error.validator_value
        ]
        yield f"{at}{', or '.join(options)} must be given"
    elif error.validator == "type" and error.instance is None:
        yield f"{at}has no value"
    elif error.validator == "enum" and (gone := error.schema.get("removed", {}).get(str(error.instance))):
        yield at + gone
    elif error.validator == "uniqueItems":
        twice = {str(item) for item in error.instance if error.instance.count(item) > 1}
        yield f"{at}{', '.join(sorted(twice))} is given twice"
    else:
        words = _WORDS.get(error.validator, error.message)
        yield at + words.format(
            given=error.instance,
            wanted=_wanted(error.validator_value),
            description=error.schema.get("description", "one of several forms"),
        )


def _wanted(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return _TYPES.get(value, str(value)) if isinstance(value, str) else str(value)


# What is said instead of the schema's own terms.
_TYPES = {
    "array": "a list",
    "integer": "a whole number",
    "number": "a finite number",
    "object": "a group of `key: value`",
    "string": "text (numbers, yes and no are text in quotes)",
}
_WORDS = {
    "anyOf": "{given!r} does not fit; expected: {description}",
    "enum": "{given!r} is not one of {wanted}",
    "maximum": "{given!r} is more than {wanted}",
    "maxLength": "{given!r} is longer than {wanted} characters",
    "minItems": "is an empty list",
    "minLength": "is empty",
    "minProperties": "is empty",
    "minimum": "{given!r} is less than {wanted}",
    "not": "{given!r} is taken for something else; choose another name",
    "pattern": "the name {given!r} may hold letters, digits, '.', '_' and '-' only, "
    "and starts with a letter or digit",
    "type": "{given!r} is not {wanted}",
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
        return [_with_defaults(entry, schema.get("items", {})) for entry in value]
    return value
