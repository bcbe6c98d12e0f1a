"""Names for test ids that are the same in every process: no addresses, no order of sets."""


def label(value):
    """A short name of a parameter of a test."""
    if isinstance(value, (set, frozenset)):
        return "-".join(sorted(map(label, value)))
    if isinstance(value, dict):
        return ",".join(f"{label(k)}={label(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(map(label, value))
    name = getattr(value, "__name__", None) if callable(value) else None
    return name or str(value)[:50]
