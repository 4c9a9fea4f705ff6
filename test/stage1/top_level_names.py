"""Prints the names that the program on standard input binds at its top level, a line each."""
import ast
import sys


class Names(ast.NodeVisitor):
    def __init__(self):
        self.found = set()

    def visit_FunctionDef(self, node):
        self.found.add(node.name)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Global):
                self.found.update(inner.names)

    def visit_ClassDef(self, node):
        self.found.add(node.name)

    def visit_Lambda(self, node):
        pass

    def visit_Import(self, node):
        self.found.update((alias.asname or alias.name).split(".")[0] for alias in node.names)

    visit_ImportFrom = visit_Import
    visit_DictComp = visit_GeneratorExp = visit_Lambda

    # In Python 2 the variables of a list comprehension belong to the scope around it.
    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Store):
            self.found.add(node.id)


names = Names()
names.visit(ast.parse(sys.stdin.read()))
print("\n".join(sorted(names.found)))
