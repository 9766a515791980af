#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that arrows.py finds each kind of wrong arrow, in small trees made for that. Prints TAP."""
import os
import sys
import tempfile

sys.dont_write_bytecode = True
import arrows # pylint: disable=wrong-import-position

# A tree in which every include is right, and every kind of right include occurs.
RIGHT = {
    'include/rawpci.h': '',
    'include/rawpci/backend.h': 'int rawpci_backend_say(void);\n',
    'include/rawpci/fake.h': '',
    'src/abi/abi.h': '#include <rawpci.h>\n#include "explain/explain.h"\n',
    'src/abi/port.c': '#include "abi/abi.h"\n',
    'src/explain/explain.h': '#include "device/reach.h"\n',
    'src/device/reach.h': '#include "irq/irq.h"\n#include "memory/guest.h"\n',
    'src/irq/irq.h': '#include <stdint.h>\n#include "core/core.h"\n',
    'src/irq/hw.c': '#include "irq/irq.h"\n',
    'src/memory/guest.h': '#include "core/core.h"\n',
    'src/core/core.h': '#include <rawpci/backend.h>\n#include "event/event.h"\n',
    'src/core/registry.c': '#include "core/core.h"\n#include "rawpci-backend-rows.h"\n',
    'src/event/event.h': '#include "os/sys.h"\n',
    'src/os/sys.h': '#include "pci/pci.h"\n',
    'src/pci/pci.h': '#include <pci/types.h>\n',
    'src/tool/main.c': '#include <rawpci/backend.h>\n',
    'backends/rows.h.in': '/* generated */\n',
    'backends/sysdev/sysdev.h': '#include "os/sys.h"\n',
    'backends/uio/uio.c': '#include "sysdev/sysdev.h"\n#include "pci/pci.h"\n',
    'backends/fake/fake.c': '#include <rawpci/fake.h>\n#include "internal.h"\n',
    'backends/fake/internal.h': '#include <rawpci/backend.h>\n',
}

# file, what is added to it, what is said about it
WRONG_INCLUDES = [
    ('src/irq/hw.c', '#include "device/reach.h"',
     'src/irq/hw.c includes device/reach.h: irq is below device'),
    ('src/pci/pci.h', '#include "os/sys.h"', 'src/pci/pci.h includes os/sys.h: pci is below os'),
    ('src/core/core.h', '\t# include <memory/guest.h> /* in brackets */',
     'src/core/core.h includes memory/guest.h: core is below memory'),
    ('src/explain/explain.h', '#include "../abi/abi.h"',
     'src/explain/explain.h includes ../abi/abi.h: explain is below abi'),
    ('src/irq/hw.c', '#include \\\n"memory/guest.h"',
     'src/irq/hw.c includes memory/guest.h: irq and memory do not see each other'),
    ('src/abi/port.c', '#include "../tool/main.c"',
     'src/abi/port.c includes ../tool/main.c: abi and tool do not see each other'),
    ('src/tool/main.c', '#include "pci/pci.h"',
     'src/tool/main.c includes pci/pci.h: tool sees installed headers only'),
    ('src/core/core.h', '#include "fake/internal.h"',
     'src/core/core.h includes fake/internal.h: src sees no backend'),
    ('src/abi/port.c', '#include <rawpci/fake.h>',
     'src/abi/port.c includes rawpci/fake.h: it belongs to the backend fake'),
    ('src/core/core.h', '#include "rawpci-backend-rows.h"',
     'src/core/core.h includes rawpci-backend-rows.h: for src/core/registry.c'),
    ('backends/fake/fake.c', '#include "core/core.h"', 'backends/fake/fake.c includes core/core.h: '
     'a backend sees include/rawpci, pci, os and its own folder'),
    ('backends/fake/fake.c', '#include "event/event.h"', 'backends/fake/fake.c includes '
     'event/event.h: a backend sees include/rawpci, pci, os and its own folder'),
    ('backends/fake/fake.c', '#include "sysdev/sysdev.h"', 'backends/fake/fake.c includes '
     'sysdev/sysdev.h: a backend sees include/rawpci, pci, os and its own folder'),
    ('backends/sysdev/sysdev.h', '#include "fake/internal.h"', 'backends/sysdev/sysdev.h includes '
     'fake/internal.h: a backend sees include/rawpci, pci, os and its own folder'),
    ('src/irq/hw.c', '#include "device/reech.h"',
     'src/irq/hw.c includes device/reech.h: no such file'),
    ('src/irq/hw.c', '#include RAWPCI_HEADER', 'src/irq/hw.c includes RAWPCI_HEADER: name the file'),
    ('src/cellar/wine.c', '', 'src/cellar/wine.c: src/cellar has no floor in arrows.py'),
    ('src/wine.c', '', 'src/wine.c is in no room'),
]

# file, what is added to it, another file with its text, the circle
CIRCLES = [
    ('src/irq/irq.h', '#include "irq/hw.h"', ('src/irq/hw.h', '#include "irq/irq.h"'),
     'src/irq/irq.h -> src/irq/hw.h -> src/irq/irq.h'),
    ('src/os/sys.h', '#include "sys.h"', ('src/os/sys.c', ''), 'src/os/sys.h -> src/os/sys.h'),
]

OBJECT = 'build/src/lib.a[build/src/lib.a.p/{}.o]: {} {} 0 10'
RIGHT_SYMBOLS = [
    ('core_registry.c', 'rawpci_backend_say', 'T'), ('core_registry.c', 'rawpci_backend_fake', 'U'),
    ('core_registry.c', 'rawpci_registry', 'T'), ('irq_hw.c', 'rawpci_hw', 'T'),
    ('irq_hw.c', 'rawpci_registry', 'U'), ('abi_port.c', 'rawpci_hw', 'U'), ('irq_hw.c', 'read', 'U'),
    ('abi_port.c', 'rawpci_port', 'D'), ('.._backends_fake_fake.c', 'rawpci_backend_fake', 'R'),
    ('.._backends_fake_fake.c', 'rawpci_backend_say', 'U'),
    ('.._backends_uio_uio.c', 'rawpci_uio', 'T'),
]
WRONG_SYMBOLS = [
    ('irq_hw.c', 'rawpci_port', 'src/irq/hw.c uses rawpci_port of src/abi/port.c: irq is below abi'),
    ('abi_port.c', 'rawpci_backend_fake', 'src/abi/port.c uses rawpci_backend_fake of '
     'backends/fake/fake.c: src sees no backend'),
    ('.._backends_fake_fake.c', 'rawpci_registry', 'backends/fake/fake.c uses rawpci_registry of '
     'src/core/registry.c: a backend sees include/rawpci, pci, os and its own folder'),
    ('.._backends_fake_fake.c', 'rawpci_uio', 'backends/fake/fake.c uses rawpci_uio of '
     'backends/uio/uio.c: a backend sees include/rawpci, pci, os and its own folder'),
]


def plant(tree, files):
    """Writes files into a tree."""
    for path, text in files.items():
        os.makedirs(os.path.join(tree, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(tree, path), 'w', encoding='utf-8') as file:
            file.write(text)


def complaints(changes):
    """What is said about the includes of the right tree with some changes: arrows, circles."""
    with tempfile.TemporaryDirectory() as tree:
        plant(tree, dict(RIGHT, **changes))
        wrong, graph = arrows.read_includes(tree)
        return wrong, arrows.circles(graph)


def symbol_complaints(more):
    """What is said about the right symbols and some more."""
    with tempfile.TemporaryDirectory() as tree:
        plant(tree, RIGHT)
        listing = '\n'.join(OBJECT.format(*symbol) for symbol in RIGHT_SYMBOLS + more)
        return arrows.read_symbols(tree, listing)


def cases():
    """For each case: its name, what was said, what should have been said."""
    yield 'right includes', complaints({}), ([], [])
    for path, line, words in WRONG_INCLUDES:
        changes = {path: RIGHT.get(path, '') + line + '\n'}
        yield words, complaints(changes)[0], [words]
    for path, line, (other, text), ring in CIRCLES:
        changes = {path: RIGHT[path] + line + '\n', other: text + '\n'}
        yield f'a circle: {ring}', complaints(changes), ([], [f'includes in a circle: {ring}'])
    yield 'right symbols', symbol_complaints([]), []
    for source, symbol, words in WRONG_SYMBOLS:
        yield words, symbol_complaints([(source, symbol, 'U')]), [words]
    stray = 'build/src/lib.a.p/irq_gone.c.o is the object of no source file'
    yield stray, symbol_complaints([('irq_gone.c', 'rawpci_gone', 'T')]), [stray]


def main():
    """Runs every case."""
    failed = count = 0
    for count, (name, said, expected) in enumerate(cases(), 1):
        wrong = said != expected
        failed += wrong
        print(f'{"not " if wrong else ""}ok {count} - {name}')
        if wrong:
            print(f'# said {said}, expected {expected}')
    print(f'1..{count}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
