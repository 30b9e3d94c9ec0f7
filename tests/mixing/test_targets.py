"""What a mix is to reach has one home."""

import ast
from pathlib import Path

import dasp
from dasp.mixing.targets import MIX_LUFS

PACKAGE = Path(dasp.__file__).parent


def _named_values(tree: ast.AST):
    """Assignments, defaults of arguments and keywords of calls: a name and what it is set to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                whole = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                values = node.value.elts if whole else [node.value]
                yield from ((ast.unparse(n), v) for n, v in zip(names, values, strict=False))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield ast.unparse(node.target), node.value
        elif isinstance(node, ast.FunctionDef):
            own = node.args
            yield from (
                (arg.arg, value)
                for arg, value in zip(own.kwonlyargs, own.kw_defaults, strict=True)
                if value is not None
            )
            behind = own.args[len(own.args) - len(own.defaults) :]
            yield from ((arg.arg, v) for arg, v in zip(behind, own.defaults, strict=True))
        elif isinstance(node, ast.Call):
            first = [ast.unparse(node.args[0])] if node.args else []
            yield from ((first[0], word.value) for word in node.keywords if first)


def test_the_loudness_of_a_mix_is_written_once():
    found = {
        str(path.relative_to(PACKAGE))
        for path in sorted(PACKAGE.rglob("*.py"))
        if "-18" in (source := path.read_text(encoding="utf-8"))
        for name, value in _named_values(ast.parse(source))
        if "lufs" in name.lower()
        and isinstance(value, ast.UnaryOp)
        and ast.literal_eval(value) == MIX_LUFS
    }
    assert found == {"mixing/targets.py"}
