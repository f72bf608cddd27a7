"""JSON Schema, as much of it as docs/formats/schemas/ uses; an unknown keyword is an error.

errors(document, schema) gives one line a fault; load(name) reads docs/formats/schemas/<name>."""
import json
import os
import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
SILENT = {"$schema", "$id", "$defs", "title", "description", "$comment", "examples", "default"}
KNOWN = SILENT | {"type", "required", "properties", "additionalProperties", "patternProperties",
                  "propertyNames", "enum", "const", "pattern", "items", "minItems", "maxItems",
                  "oneOf", "anyOf", "allOf", "$ref", "minimum", "maximum", "exclusiveMinimum",
                  "exclusiveMaximum", "minLength", "maxLength", "format", "uniqueItems"}


def load(name):
    where = os.path.join(os.environ["QLAB_SOURCE"], "docs/formats/schemas", name)
    with open(where, encoding="utf-8") as f:
        return json.load(f)


def is_type(v, name):
    if name in ("integer", "number"):
        whole = isinstance(v, int) or (isinstance(v, float) and v == int(v))
        return not isinstance(v, bool) and (whole if name == "integer" else isinstance(v, (int, float)))
    return isinstance(v, TYPES[name])


def follow(root, ref):
    at = root
    for step in ref.removeprefix("#/").split("/"):
        at = at[step]
    return at


def object_errors(v, s, root, at):
    out = [f"{at}: no '{k}'" for k in s.get("required", []) if k not in v]
    known = s.get("properties", {})
    patterns = s.get("patternProperties", {})
    for key, value in v.items():
        if "propertyNames" in s:
            out += errors(key, s["propertyNames"], root, f"{at}: name '{key}'")
        fits = [p for p in patterns if re.search(p, key)]
        if key in known:
            out += errors(value, known[key], root, f"{at}.{key}")
        for p in fits:
            out += errors(value, patterns[p], root, f"{at}.{key}")
        if key not in known and not fits and "additionalProperties" in s:
            extra = s["additionalProperties"]
            out += [f"{at}: unknown '{key}'"] if extra is False else [] if extra is True \
                else errors(value, extra, root, f"{at}.{key}")
    return out


def array_errors(v, s, root, at):
    out = []
    if not s.get("minItems", 0) <= len(v) <= s.get("maxItems", len(v)):
        out.append(f"{at}: {len(v)} items")
    if s.get("uniqueItems") and len({json.dumps(x, sort_keys=True) for x in v}) != len(v):
        out.append(f"{at}: an item twice")
    if "items" in s:
        for i, item in enumerate(v):
            out += errors(item, s["items"], root, f"{at}[{i}]")
    return out


def scalar_errors(v, s, at):
    out = []
    if "const" in s and v != s["const"]:
        out.append(f"{at}: {v!r} is not {s['const']!r}")
    if "enum" in s and v not in s["enum"]:
        out.append(f"{at}: {v!r} is not one of {s['enum']}")
    if isinstance(v, str):
        if "pattern" in s and not re.search(s["pattern"], v):
            out.append(f"{at}: '{v}' does not match {s['pattern']}")
        if not s.get("minLength", 0) <= len(v) <= s.get("maxLength", len(v)):
            out.append(f"{at}: '{v}' has {len(v)} characters")
    if isinstance(v, (int, float)) and not isinstance(v, bool):
        if v < s.get("minimum", v) or v > s.get("maximum", v):
            out.append(f"{at}: {v} is out of range")
        if ("exclusiveMinimum" in s and v <= s["exclusiveMinimum"]) or \
           ("exclusiveMaximum" in s and v >= s["exclusiveMaximum"]):
            out.append(f"{at}: {v} is out of range")
    return out


def errors(v, s, root=None, at="document"):
    root = s if root is None else root
    if isinstance(s, bool):
        return [] if s else [f"{at}: not allowed"]
    if set(s) - KNOWN:
        return [f"{at}: the schema uses {sorted(set(s) - KNOWN)}, which this check does not know"]
    out = []
    if "$ref" in s:
        out += errors(v, follow(root, s["$ref"]), root, at)
    if "type" in s:
        names = s["type"] if isinstance(s["type"], list) else [s["type"]]
        if not any(is_type(v, n) for n in names):
            return out + [f"{at}: {type(v).__name__} where {'/'.join(names)} should be"]
    for part in s.get("allOf", []):
        out += errors(v, part, root, at)
    for word in ("oneOf", "anyOf"):
        if word in s:
            fit = sum(not errors(v, part, root, at) for part in s[word])
            if fit == 0 or (word == "oneOf" and fit > 1):
                out.append(f"{at}: fits {fit} of {word}")
    out += scalar_errors(v, s, at)
    if isinstance(v, dict):
        out += object_errors(v, s, root, at)
    if isinstance(v, list):
        out += array_errors(v, s, root, at)
    return out
