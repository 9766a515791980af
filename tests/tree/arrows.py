#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that src/ and backends/ depend on lower floors only.

usage: tests/tree/arrows.py [--objects LIBRARY] [SOURCE_TREE]

It reads every #include of SOURCE_TREE (default: the tree that it is in). With --objects it also reads
the symbols of a static library that Meson built from that tree: a file can reach another floor
without an include, by a declaration of its own.

Prints TAP, with a line for each wrong arrow. Exit status: 0 no wrong arrow, 1 some.
"""
import os
import re
import subprocess
import sys

# The floors of src/, top first. A room sees itself and the rooms of lower floors. Rooms of the same
# floor do not see each other. Every room sees the installed headers, include/.
FLOORS = [
    ['abi', 'tool'],
    ['explain'],
    ['device'],
    ['handover', 'irq', 'memory', 'host'],
    ['core'],
    ['event'],
    ['os'],
    ['pci'],
]
# These rooms see nothing but installed headers, although they are high up.
OUTSIDE = ['tool']
# A backend sees these rooms, its own folder, and the installed headers.
BACKEND_SEES = ['pci', 'os']
# Folders of backends/ that another folder there may see.
SHARED = {'sysdev': ['sysfs', 'uio']}
# The registry names each backend's table. Meson generates the list.
REGISTRY = 'src/core/registry.c'
GENERATED = {'rawpci-backend-rows.h': [REGISTRY]}
BACKEND_TABLE = 'rawpci_backend_'

FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
INCLUDE = re.compile(r'\s*(?:#|%:)\s*(?:include\w*|import)\b\s*(.*)')
NAMED = re.compile(r'"([^"]+)"|<([^>]+)>')
SYMBOL = re.compile(r'.*[\[(:]([^\[\]():]+)[\])]?: (\S+) ([A-Za-z])\b')


def sources(tree):
    """The C files of the tree, as paths from its top."""
    for top in 'src', 'backends':
        for folder, _, names in os.walk(os.path.join(tree, top)):
            for name in names:
                if name.endswith(('.c', '.h', '.in')):
                    yield os.path.relpath(os.path.join(folder, name), tree)


def place(path):
    """Where a file is: ('src', room), ('backends', folder) or ('include', '')."""
    parts = path.split('/')
    return parts[0], parts[1] if len(parts) > 2 and parts[0] != 'include' else ''


def published(target):
    """The backend that an installed header belongs to, such as 'fake' for rawpci/fake.h."""
    return os.path.splitext(os.path.basename(target))[0]


def why_src_not(room, target_top, target):
    """Why a room of src/ may not see a place, or None."""
    if target_top == 'backends':
        return 'src sees no backend'
    if room in OUTSIDE:
        return f'{room} sees installed headers only'
    if FLOOR[target] > FLOOR[room]:
        return None
    if FLOOR[target] < FLOOR[room]:
        return f'{room} is below {target}'
    return f'{room} and {target} do not see each other'


def why_backend_not(folder, target_top, target):
    """Why a folder of backends/ may not see a place, or None."""
    if target_top == 'src' and target in BACKEND_SEES:
        return None
    if target_top == 'backends' and folder in SHARED.get(target, []):
        return None
    return f'a backend sees include/rawpci, {", ".join(BACKEND_SEES)} and its own folder'


def why_not(path, target):
    """Why the file path may not depend on the file target, or None. Both have a floor."""
    (top, room), (target_top, target_room) = place(path), place(target)
    if (top, room) == (target_top, target_room) or target_top == 'include':
        return None
    return (why_src_not if top == 'src' else why_backend_not)(room, target_top, target_room)


def resolve(tree, path, name):
    """The file of the tree that an include names, or None. The compiler looks in the same order."""
    for folder in os.path.dirname(path), 'include', 'src', 'backends':
        found = os.path.normpath(os.path.join(folder, name))
        if os.path.isfile(os.path.join(tree, found)):
            return found
    return None


def unplaced(path):
    """What is wrong with the place of a file of src/ or backends/, or None."""
    top, room = place(path)
    if not room and not path.endswith('.in'):
        return f'{path} is in no room'
    if room and top == 'src' and room not in FLOOR:
        return f'{path}: src/{room} has no floor in {os.path.basename(__file__)}'
    return None


def judge_include(tree, path, words, backends):
    """The file of the tree that the rest of an #include names, and what is wrong with that."""
    named = NAMED.match(words)
    if not named:
        return None, f'{path} includes {words}: name the file'
    name = named[1] or named[2]
    target = resolve(tree, path, name)
    if target is None:
        if name in GENERATED:
            allowed = path in GENERATED[name]
            return None, None if allowed else f'{path} includes {name}: for {GENERATED[name][0]}'
        return None, f'{path} includes {name}: no such file' if named[1] else None
    if place(target)[0] == 'include':
        owner = published(target)
        if owner in backends and place(path) != ('backends', owner):
            return target, f'{path} includes {name}: it belongs to the backend {owner}'
        return target, None
    if place(target)[0] not in ('src', 'backends') or unplaced(target):
        return target, f'{path} includes {name}: {target} is in no room'
    why = why_not(path, target)
    return target, why and f'{path} includes {name}: {why}'


def read_includes(tree):
    """Wrong arrows, and for each file the files of the tree that it includes."""
    wrong, graph = [], {}
    backends = {place(path)[1] for path in sources(tree) if path.startswith('backends/')}
    for path in sorted(sources(tree)):
        graph[path] = []
        if unplaced(path):
            wrong.append(unplaced(path))
            continue
        with open(os.path.join(tree, path), encoding='utf-8') as file:
            text = file.read().replace('\\\n', '')
        for words in INCLUDE.findall(text):
            target, complaint = judge_include(tree, path, words.strip(), backends)
            if target:
                graph[path].append(target)
            if complaint:
                wrong.append(complaint)
    return wrong, graph


def circles(graph):
    """One sentence for each circle of includes."""
    found, done = [], set()

    def walk(path, way):
        if path in way:
            ring = way[way.index(path):]
            found.append('includes in a circle: ' + ' -> '.join(ring + [path]))
        elif path not in done:
            for target in graph.get(path, []):
                walk(target, way + [path])
            done.add(path)

    for path in sorted(graph):
        walk(path, [])
    return found


def read_symbols(tree, listing):
    """Wrong arrows between the objects that "nm -A -P -g" lists."""
    of_object = {}
    for path in sources(tree):
        name = os.path.relpath(path, 'src').replace('/', '_') + '.o' # as Meson calls it
        of_object[name] = path
    defined, used, unknown = {}, [], set()
    for line in listing.splitlines():
        entry = SYMBOL.match(line)
        if not entry:
            continue
        path = of_object.get(os.path.basename(entry[1]))
        if path is None:
            unknown.add(entry[1])
        elif entry[3] in 'Uwv':
            used.append((path, entry[2]))
        else:
            defined[entry[2]] = path
    wrong = [f'{name} is the object of no source file' for name in sorted(unknown)]
    if not defined:
        wrong.append('no symbols are defined')
    return wrong + [complaint for path, symbol in sorted(set(used)) if symbol in defined
                    for complaint in judge_symbol(tree, path, symbol, defined[symbol])]


def judge_symbol(tree, path, symbol, definer):
    """What is wrong with a file's use of a symbol: a list of one sentence, or empty."""
    if unplaced(path) or unplaced(definer):
        return [] # the includes' check says so
    if path == REGISTRY and symbol.startswith(BACKEND_TABLE):
        return []
    if place(path)[0] == 'backends' and in_contract(tree, symbol):
        return []
    why = why_not(path, definer)
    return [f'{path} uses {symbol} of {definer}: {why}'] if why else []


def in_contract(tree, symbol, headers={}): # pylint: disable=dangerous-default-value
    """True if an installed header declares a symbol. It keeps what it has read in headers."""
    if tree not in headers:
        folder = os.path.join(tree, 'include', 'rawpci')
        texts = []
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding='utf-8') as file:
                texts.append(file.read())
        headers[tree] = set(re.findall(r'\w+', ' '.join(texts)))
    return symbol in headers[tree]


def report(number, what, wrong):
    """A result in TAP."""
    print('\n'.join([f'# {line}' for line in wrong] +
                    [f'{"not " if wrong else ""}ok {number} - {what}']))
    return bool(wrong)


def main(args):
    """Runs the checks that the command line asks for."""
    library = None
    if args[:1] == ['--objects']:
        library, args = args[1], args[2:]
    tree = args[0] if args else os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
    print(f'1..{3 if library else 2}')
    wrong, graph = read_includes(tree)
    if not graph:
        wrong.append(f'{tree} has no sources')
    failed = report(1, 'includes go to lower floors only', wrong)
    failed |= report(2, 'includes form no circle', circles(graph))
    if library:
        listing = subprocess.run(['nm', '-A', '-P', '-g', library], check=True, text=True,
                                 stdout=subprocess.PIPE).stdout
        failed |= report(3, 'symbols of lower floors only are used', read_symbols(tree, listing))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
