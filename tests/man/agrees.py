#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Do the manual pages agree with the command's help and with the library's settings?

usage: agrees.py COMMAND SETTINGS_C PAGE... Prints TAP.
"""
import os
import re
import subprocess
import sys

WIDE = re.compile(r'--[a-z][a-z-]*')
# A row of the table in settings.c: its name and its default.
ROW = re.compile(r'\{\s*"([a-z_]+\.[a-z_]+)",\s*"([^"]*)"')

tests = 0
failed = 0


def report(name, missing):
    """Prints a line of TAP: it is good if nothing is missing."""
    global tests, failed
    tests += 1
    failed += bool(missing)
    print(f"{'not ' if missing else ''}ok {tests} - {name}")
    for one in missing:
        print(f'# {one}')


def help_of(command, *words):
    done = subprocess.run([command, *words, '--help'], stdout=subprocess.PIPE, check=True,
                          text=True)
    return done.stdout


def options_of_page(text):
    """The long options that lines such as ".It Fl -json" or ".Op Fl -all" name."""
    return {'-' + name for name in re.findall(r'\bFl (-[a-z][a-z-]*)', text)}


def sections(text):
    """The subcommands' parts of the page, by name."""
    start = text.index('.Ss Subcommands')
    end = text.index('.Ss Common options')
    parts = re.split(r'^\.It Cm ([a-z]+)', text[start:end], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def check_command(command, page):
    said = help_of(command)
    names = re.findall(r'^  ([a-z]+) ', said, flags=re.MULTILINE)
    described = sections(page)
    report('rawpci(1) has the subcommands of rawpci --help',
           [f'missing: {name}' for name in names if name not in described] +
           [f'too much: {name}' for name in described if name not in names])
    common = options_of_page(page[page.index('.Ss Common options'):page.index('.Sh ENVIRONMENT')])
    for name in names:
        offered = set(WIDE.findall(help_of(command, name)))
        told = options_of_page(described.get(name, ''))
        report(f'rawpci(1) has the options of rawpci {name} --help',
               [f'missing: {option}' for option in sorted(offered - told - common)] +
               [f'too much: {option}' for option in sorted(told - offered)])


def check_settings(source, page):
    rows = dict(ROW.findall(source))
    text = page[page.index('.Sh SETTINGS'):page.index('.Sh ENVIRONMENT')]
    items = re.split(r'^\.It Cm ([a-z_.]+)', text, flags=re.MULTILINE)
    told = dict(zip(items[1::2], items[2::2]))
    missing = [f'missing: {name}' for name in rows if name not in told]
    missing += [f'too much: {name}' for name in told if name not in rows]
    missing += [f'the default of {name} is {rows[name]}' for name in rows
                if name in told and rows[name] not in told[name][told[name].find('default'):]]
    report('rawpci(7) has the settings of settings.c and their defaults', missing if rows else
           ['settings.c has no table'])


def main():
    command, settings, *paths = sys.argv[1:]
    pages = {}
    for path in paths:
        with open(path, encoding='utf-8') as file:
            pages[os.path.basename(path)] = file.read()
    with open(settings, encoding='utf-8') as file:
        check_settings(file.read(), pages['rawpci.7'])
    check_command(command, pages['rawpci.1'])
    print(f'1..{tests}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
