"""rules.txt against the tree: every rule has a script named after it, a unit test, other scripts or a stated reason."""
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent


def unit_tests():
    """Every string in the unit tests' sources; TEST("...") may be broken over lines."""
    text = "\n".join(p.read_text() for p in sorted((HERE.parent / "unit").glob("*.c")))
    return set(re.findall(r'TEST\(\s*"((?:[^"\\]|\\.)*)"', re.sub(r'"\s*\n\s*"', "", text)))


def unproven(how, ids, units):
    """None, or in words why `how` shows nothing."""
    kind, _, rest = how.partition(" ")
    if kind == "see":
        missing = [i for i in rest.split() if i not in ids]
        return f"there is no script {' '.join(missing)}" if missing or not rest else None
    if kind == "unit":
        return None if rest in units else f"there is no unit test '{rest}'"
    if kind == "reason" and rest:
        return None
    return "neither a script, nor see, unit or reason"


def check(scripts):
    """(number of rules, [what is wrong, in words])."""
    ids = {p.name.partition("_")[0] for p in scripts if p.parent.name.startswith("rfc")}
    units, rules, wrong = unit_tests(), {}, []
    for line in (HERE / "rules.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        rule, level, _words, *how = [part.strip() for part in line.split(" | ")]
        if rule in rules:
            wrong.append(f"{rule}: twice")
        rules[rule] = level
        if rule in ids and not how:
            continue
        if why := unproven(how[0] if how else "", ids, units):
            wrong.append(f"{rule} ({level}): {why}")
    wrong += [f"{i}: a script for a rule that is not in rules.txt" for i in sorted(ids - set(rules))]
    return len(rules), wrong
