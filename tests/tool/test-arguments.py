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
for option in '--help', '--version':
    done = run(option, 'x\ny')
    check((done.returncode, done.stdout) == (2, '') and '"x?y"' in done.stderr and
          option in done.stderr and len(done.stderr.splitlines()) == 1, f'{option} and more',
          done.stdout, done.stderr)
FAKE = ['--backend', 'fake', '0:4.0']
wrong('config: no address', ['an address is missing'], 'config')
wrong('config: a width that is none', ['"STATUS.Q"', '.Q is no width', '.B, .W or .L'], 'config',
      *FAKE, 'STATUS.Q')
wrong('config: --detach to read', ['--detach', 'nothing is written'], 'config', '--detach', '0:4.0',
      'STATUS')
wrong('mmio: no address', ['an address is missing'], 'mmio', *FAKE[:2])
wrong('mmio: no BAR', ['a BAR is missing'], 'mmio', *FAKE)
wrong('mmio: no offset', ['an offset is missing'], 'mmio', *FAKE, '0')
wrong('mmio: a width that is none', ['"0.X"', '.X is no width'], 'mmio', *FAKE, '0', '0.X')
wrong('irq: no address', ['an address is missing'], 'irq')
wrong('irq: two operands', ['"5" is too much'], 'irq', *FAKE, '5')
for name in 'explain', 'config', 'irq', 'take':
    for address in '00:20.0', '00:03.9':
        wrong(f'{name}: {address}', [f'"{address}"', '00 to 1f', '0 to 7'], name, address)

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
