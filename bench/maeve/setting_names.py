"""Names of settings as reconfigureChargeStation takes them.

On OCPP 2.x ``component;instance;evse/variable;instance;attribute``, all but the names of component and variable optional; on
OCPP 1.6 the key itself.
"""

from __future__ import annotations

from bench.errors import BadInput

MAX_NAME = 50
"""Characters of a component, a variable, an instance (OCPP 2.0.1), and of a configuration key (OCPP 1.6)."""
MAX_VALUE = 2500
"""Characters of a value (OCPP 2.1; 2.0.1 has 1000)."""
MAX_VALUE_16 = 500
"""Characters of a value on OCPP 1.6."""
MAX_WHOLE = 255
ATTRIBUTES = ("Actual", "Target", "MinSet", "MaxSet")


def check(name: str, value: str) -> None:
    """A setting that some version could be sent.

    Raises:
        BadInput: none could; says why.
    """
    if "/" in name:
        set_variable_data(name, value)
    elif not name or not name.isprintable() or len(name) > MAX_NAME:
        raise BadInput(
            f"{name[:MAX_NAME]!r} is no name of a setting", f"a key of OCPP 1.6 has 1 to {MAX_NAME} characters"
        )
    elif len(value) > MAX_VALUE_16:
        raise BadInput(f"the value of {name} has {len(value)} characters", f"OCPP 1.6 takes {MAX_VALUE_16}")


def set_variable_data(name: str, value: str) -> dict[str, object]:
    """SetVariableDataType (OCPP 2.0.1 B05).

    Raises:
        BadInput: the name is not of that form, or the value too long.
    """
    shown = name[:MAX_WHOLE]
    where, slash, what = name.partition("/")
    component, *of_component = where.split(";")
    variable, *of_variable = what.split(";")
    if not slash or not component or not variable or len(of_component) > 2 or len(of_variable) > 2 or "/" in what:
        raise BadInput(
            f"{shown!r} is no name of a setting of OCPP 2.x",
            "write Component;Instance;EVSE/Variable;Instance;Attribute, where all but the two names may be left out",
        )
    instance, evse = (*of_component, "", "")[:2]
    variable_instance, attribute = (*of_variable, "", "")[:2]
    for part in (component, instance, variable, variable_instance):
        if len(part) > MAX_NAME or not (part.isprintable() or not part):
            raise BadInput(
                f"{part[:MAX_NAME]!r} in {shown!r} cannot be a name", f"1 to {MAX_NAME} printable characters"
            )
    if attribute and attribute not in ATTRIBUTES:
        raise BadInput(f"{attribute[:MAX_NAME]!r} in {shown!r} is no attribute", f"use {', '.join(ATTRIBUTES)}")
    if len(value) > MAX_VALUE:
        raise BadInput(f"the value of {shown} has {len(value)} characters", f"up to {MAX_VALUE} are possible")
    made: dict[str, object] = {
        "component": _named(component, instance) | _evse(evse, shown),
        "variable": _named(variable, variable_instance),
        "attributeValue": value,
    }
    if attribute:
        made["attributeType"] = attribute
    return made


def _named(name: str, instance: str) -> dict[str, object]:
    return {"name": name, "instance": instance} if instance else {"name": name}


def _evse(number: str, shown: str) -> dict[str, object]:
    if not number:
        return {}
    if not (number.isascii() and number.isdecimal()) or len(number) > 9 or int(number) < 1:
        raise BadInput(f"{number[:MAX_NAME]!r} in {shown!r} is no number of an EVSE", "count from 1")
    return {"evse": {"id": int(number)}}
