#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What "meson install" brings: these files, and no other; and they work where they are.

usage: installed.py BUILD_DIR SOURCE_DIR C_COMPILER (a command). Prints TAP.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

tests = 0
failed = 0


def report(name, wrong):
    """Prints a line of TAP: it is good if nothing is wrong."""
    global tests, failed
    tests += 1
    failed += bool(wrong)
    print(f"{'not ' if wrong else ''}ok {tests} - {name}")
    for line in wrong:
        print(f'# {line}')


def skip(name, why):
    global tests
    tests += 1
    print(f'ok {tests} - {name} # SKIP {why}')


def said(*command, **options):
    """What is wrong with a command: its words, if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          **options)
    lines = done.stdout.decode(errors='replace').splitlines()
    return lines[-20:] + [f'exit status {done.returncode}'] if done.returncode else []


def option(build, name):
    done = subprocess.run(['meson', 'introspect', '--buildoptions', build], check=True,
                          stdout=subprocess.PIPE)
    return next(one['value'] for one in json.loads(done.stdout) if one['name'] == name)


def expected(build, source):
    """The files below the prefix. A star stands for a version."""
    lib = option(build, 'libdir')
    kind = option(build, 'default_library')
    files = [f'{lib}/pkgconfig/rawpci.pc', 'bin/rawpci']
    files += [f'{lib}/librawpci.so', f'{lib}/librawpci.so.*'] if kind != 'static' else []
    files += [f'{lib}/librawpci.a'] if kind != 'shared' else []
    for path in glob.glob(source + '/include/**/*.h', recursive=True):
        files.append(os.path.relpath(path, source))
    for path in glob.glob(source + '/include/docs/man/*.[1-8]'):
        files.append(f'share/man/man{path[-1]}/{os.path.basename(path)}')
    if os.path.exists(source + '/src/tool/completion.bash'):
        files.append('share/bash-completion/completions/rawpci')
    return files


def expected_unit(source, prefix):
    """The unit's path; None if it is not installed."""
    if not os.path.exists(source + '/src/tool/rawpci-recover.service.in'):
        return None
    done = subprocess.run(['pkg-config', '--variable=systemdsystemunitdir', 'systemd'],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    if done.returncode:
        return None
    directory = done.stdout.strip() if prefix == '/usr' else prefix + '/lib/systemd/system'
    return directory + '/rawpci-recover.service'


def compare(root, patterns):
    """What is missing in the tree, and what is too much."""
    there = {os.path.join(path, name)[len(root):]
             for path, _, names in os.walk(root) for name in names}
    wrong = []
    for pattern in patterns:
        found = {path[len(root):] for path in glob.glob(root + pattern)}
        if not found:
            wrong.append(f'missing: {pattern}')
        there -= found
    return wrong + [f'not expected: {name}' for name in sorted(there)]


def check_command(root, library):
    command = os.path.join(root, 'bin', 'rawpci')
    env = dict(os.environ, LD_LIBRARY_PATH=os.path.join(root, library), RAWPCI_BACKEND='')
    for words in ['--help'], ['--version']:
        report(f'bin/rawpci {words[0]}', said(command, *words, env=env))


def check_search(root, prefix, library):
    """Does the command find its library where no ldconfig was run?"""
    name = 'bin/rawpci finds its library'
    if prefix == '/usr' or not shutil.which('readelf'):
        skip(name, 'the loader looks there, or no readelf (package binutils)')
        return
    done = subprocess.run(['readelf', '-d', os.path.join(root, 'bin', 'rawpci')], check=True,
                          stdout=subprocess.PIPE, text=True)
    report(name, [] if f'[{prefix}/{library}]' in done.stdout else done.stdout.splitlines())


def check_pages(root):
    if not shutil.which('mandoc'):
        skip('the manual pages are readable', 'no mandoc (package mandoc)')
        return
    wrong = []
    for page in sorted(glob.glob(root + '/share/man/man?/*')):
        done = subprocess.run(['mandoc', '-T', 'utf8', page], stdout=subprocess.PIPE, check=False,
                              text=True)
        text = re.sub('.\b', '', done.stdout) # bold is written twice
        if done.returncode or os.path.basename(page).split('.')[0] not in text:
            wrong.append(f'{page}: exit status {done.returncode}')
    report('the manual pages are readable', wrong)


def check_code(root, source, compiler):
    """Does the code on the pages compile with the installed headers?"""
    for page in 'rawpci.7', 'rawpci-vmm.7':
        path = os.path.join(root, 'share/man/man7', page)
        code = subprocess.run([source + '/tests/man/code.sh', path], stdout=subprocess.PIPE,
                              check=False).stdout
        wrong = said(*compiler.split(), '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-pedantic',
                     '-fsyntax-only', '-I' + os.path.join(root, 'include'), '-x', 'c', '-',
                     input=code)
        report(f'the code of {page} compiles', wrong if code else ['there is none'])


def check_unit(path, prefix):
    if not path:
        skip('the unit starts the installed command', 'no systemd')
        return
    starts = []
    if os.path.exists(path):
        with open(path, encoding='utf-8') as file:
            starts = [line for line in file.read().splitlines() if line.startswith('ExecStart=')]
    report('the unit starts the installed command',
           [] if starts == [f'ExecStart={prefix}/bin/rawpci recover'] else [path] + starts)


def main():
    build, source, compiler = sys.argv[1:]
    directory = tempfile.mkdtemp()
    try:
        report('meson install', said('meson', 'install', '-C', build, '--destdir', directory,
                                     '--no-rebuild'))
        prefix = option(build, 'prefix')
        root = directory + prefix
        unit = expected_unit(source, prefix)
        files = [prefix + '/' + name for name in expected(build, source)]
        report('it brings the files that it should',
               compare(directory, files + ([unit] if unit else [])))
        check_command(root, option(build, 'libdir'))
        check_search(root, prefix, option(build, 'libdir'))
        check_pages(root)
        check_code(root, source, compiler)
        check_unit(unit and directory + unit, prefix)
    finally:
        shutil.rmtree(directory)
    print(f'1..{tests}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
