"""Compares syntax trees, in whatever Python runs it: 2.7, 3.6 to 3.14.

Argument: a folder with N.source, N.stripped and N.minified, for N from 0 on. Prints one JSON list:
the number of files compared, then a text for each difference. The stripped text must equal the
source; the minified one must equal it without its docstrings, where a body that was nothing else is
one `pass`. Every node must be on its old line, except for that `pass`. A file that this Python
cannot read itself is left out.
"""
import ast
import io
import json
import os
import sys
import warnings

warnings.simplefilter("ignore")
DEFINITIONS = tuple(
    getattr(ast, name) for name in ("ClassDef", "FunctionDef", "AsyncFunctionDef") if hasattr(ast, name)
)


def parse(path):
    # Bytes behind a byte order mark: the coding line is no longer true of what was decoded.
    with io.open(path, "rb") as file:
        return ast.parse(b"\xef\xbb\xbf" + file.read())


def is_docstring(node):
    if not isinstance(node, ast.Expr):
        return False
    if sys.version_info >= (3, 8):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node.value, ast.Str)


def without_docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, DEFINITIONS + (ast.Module,)) and node.body and is_docstring(node.body[0]):
            del node.body[0]
            if not node.body and not isinstance(node, ast.Module):
                node.body.append(ast.Pass())
    return tree


def shape(tree):
    lines = [
        (type(node).__name__, getattr(node, "lineno", None))
        for node in ast.walk(tree)
        if not isinstance(node, ast.Pass)
    ]
    return ast.dump(tree), lines


def compare(stem):
    try:
        source = parse(stem + ".source")
    except (SyntaxError, ValueError):
        return None
    try:
        stripped, minified = parse(stem + ".stripped"), parse(stem + ".minified")
    except SyntaxError as error:
        return "%s: %s" % (stem, error)
    if shape(stripped) != shape(source):
        return stem + ".stripped differs"
    if shape(minified) != shape(without_docstrings(source)):
        return stem + ".minified differs"
    return ""


def main(folder):
    count = sum(name.endswith(".source") for name in os.listdir(folder))
    results = [compare(os.path.join(folder, str(index))) for index in range(count)]
    read = [result for result in results if result is not None]
    print(json.dumps([len(read)] + [result for result in read if result]))


main(sys.argv[1])
