#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Wrong arguments of the command: each gets one line that names it, and exit status 2."""
import subprocess

from tool import COMMAND, check, end, run, wrong

SUBCOMMANDS = ['list', 'explain', 'run', 'take', 'return', 'recover', 'config', 'mmio', 'irq']

for name in SUBCOMMANDS:
    done = run(name, '--help')
    check(done.returncode == 0 and done.stdout.startswith(f'usage: rawpci {name}') and
          done.stderr == '', f'{name} --help', done.stdout, done.stderr)
    lines = done.stdout.splitlines()
    check(len(lines) <= 24 and max(map(len, lines)) <= 80, f'{name} --help fits a screen',
          done.stdout)
    wrong(f'{name}: an unknown option', ['"--nonsense"', f'rawpci {name} --help'], name,
          '--nonsense')
    wrong(f'{name}: an unknown letter', ['"-x"'], name, '-xy')
    wrong(f'{name}: an unknown letter after an option', ['"-x"'], name, '--verbose', '-xy')
    wrong(f'{name}: a value too much', ['"--verbose=3"', 'takes no value'], name, '--verbose=3')
    wrong(f'{name}: a value that is missing', ['"--set"', 'needs a value'], name, '--set')
    wrong(f'{name}: a setting without "="', ['--set nonsense', 'NAME=VALUE'], name, '--set',
          'nonsense')
    many = ['--set', 'irq.engine=epoll'] * 17
    wrong(f'{name}: too many settings', ['at most 16'], name, *many)
    wrong(f'{name}: a line break in an option', ['"--a?b"'], name, '--a\nb')

done = run('--help')
check(done.returncode == 0 and all(f'  {name} ' in done.stdout for name in SUBCOMMANDS),
      '--help lists the subcommands', done.stdout)
done = run('--version')
check(done.returncode == 0 and done.stdout.startswith('rawpci '), '--version', done.stdout)
done = run()
check(done.returncode == 2 and done.stdout == '' and 'usage: ' in done.stderr, 'no argument',
      done.stderr)
done = run('non\x1b[2Jsense')
check(done.returncode == 2 and done.stderr.startswith('rawpci: there is no subcommand "non?[2J') and
      len(done.stderr.splitlines()) == 1, 'no such subcommand', done.stderr)

with open('/dev/full', 'w', encoding='ascii') as full:
    status = subprocess.run([COMMAND, '--help'], stdout=full, stderr=subprocess.PIPE, check=False,
                            text=True)
check(status.returncode == 1 and status.stderr.startswith('rawpci: standard output: '),
      'standard output is full', status.returncode, status.stderr)
end()
