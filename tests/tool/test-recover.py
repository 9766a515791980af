#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rawpci recover: what it returns, what it says, and what it refuses."""
import json
import os

from tool import Host, check, end, run, wrong

NIC = '0000:03:00.0'
RECORD = f'run/{NIC}'


def record(device='1234:11e8'):
    """A killed process has left this."""
    host.write(RECORD, f'rawpci 1\ndevice {NIC} {device}\ndriver e1000e\noverride \n'
                       'taken-by vfio-pci\nend\n')
    os.chmod(host.path(RECORD), 0o600)
    os.chmod(host.path('run'), 0o700)


host = Host()
host.device(NIC, driver='e1000e', group=14)
settings = host.settings()
for name in 'e1000e', 'vfio-pci':
    host.write(f'sys/bus/pci/drivers/{name}/unbind', '')
host.write('sys/bus/pci/drivers_probe', '')

done = run('recover', *settings)
check(done.returncode == 0 and done.stdout == '0 devices returned\n' and done.stderr == '',
      'no record', done)
check(json.loads(run('recover', '--json', *settings).stdout) ==
      {'log': [], 'returned': 0, 'error': None}, 'no record: JSON')

# Its host driver has it again.
record()
done = run('recover', *settings)
check(done.returncode == 0 and not os.path.exists(host.path(RECORD)) and
      done.stdout.endswith(' returned\n'), 'a record that is done', done)

# The host driver does not take it: bound to nothing, in this tree.
record()
os.remove(host.path(f'sys/bus/pci/devices/{NIC}/driver'))
done = run('recover', *settings)
check(done.returncode == 1 and len(done.stderr.splitlines()) == 1 and
      done.stdout == f'{NIC}: it was taken from e1000e and has not been returned yet\n' and
      done.stderr.startswith(f'rawpci recover: {NIC}: ') and 'e1000e' in done.stderr and
      os.path.exists(host.path(RECORD)), 'a device that was not returned: exit status 1', done)
done = run('recover', '--json', *settings)
said = json.loads(done.stdout)
check(done.returncode == 1 and said['returned'] is None and NIC in said['error'] and
      done.stderr == '' and [line['level'] for line in said['log']] == ['info', 'warning'] and
      said['log'][1]['message'] == said['error'], 'and in JSON', done)

# Another device is in its place.
record('8086:10d3')
done = run('recover', *settings)
check(done.returncode == 0 and 'nothing to return' in done.stderr and
      done.stdout == '0 devices returned\n' and not os.path.exists(host.path(RECORD)),
      'another device is in its place', done)

# A failure that is about no device.
host.write('run.txt', '')
done = run('recover', *settings, '--set', f"run.dir={host.path('run.txt')}")
check(done.returncode == 1 and done.stdout == '' and len(done.stderr.splitlines()) == 1 and
      'run.txt cannot be used' in done.stderr, 'no directory of records', done)

# Not a record.
host.write(RECORD, 'no\x1b[2J record\n')
done = run('recover', *settings)
check(done.returncode == 0 and done.stdout == '0 devices returned\n' and
      done.stderr.startswith(f'rawpci recover: {NIC}: ') and 'is not a valid record' in done.stderr,
      'a warning goes to standard error', done)
said = json.loads(run('recover', '--json', *settings).stdout)
check([line['level'] for line in said['log']] == ['warning'], 'and to the log in JSON', said)

check(run('recover', *settings, RAWPCI_BACKEND='nonsense').returncode == 0,
      '$RAWPCI_BACKEND does not matter')
wrong('an operand', [f'"{NIC}"', 'all devices'], 'recover', NIC)
wrong('--backend', ['--backend vfio', 'leave it out'], 'recover', '--backend', 'vfio')
end()
