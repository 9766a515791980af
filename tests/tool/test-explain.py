#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rawpci explain: the text, JSON field by field, and what it refuses."""
import json

from tool import Host, check, end, run, wrong

NIC = '0000:03:00.0'
host = Host()
host.device(NIC, driver='e1000e', group=14, vendor='0x1af4', device='0x1041',
            **{'class': '0x020000'})
settings = host.settings()

# The text.
done = run('explain', NIC, *settings)
lines = done.stdout.splitlines()
check(done.returncode == 1 and done.stderr == '' and
      lines[0].startswith(f'{NIC}: the host driver e1000e holds it: rawpci run {NIC} -- COMMAND '
                          f'or rawpci take {NIC} takes it (--detach '),
      'the first line, with the commands that take it', done.stdout, done.stderr)
check(done.stdout.count('the host driver e1000e holds it') == 1, 'a cause is said once',
      done.stdout)
names = [line for line in lines if line.startswith('  name ')]
check(len(names) == 1 and 'Ethernet controller' in names[0] and
      '  device      1af4:1041' in lines, 'a name, and ids', done.stdout)
check('      # echo 0000:03:00.0 > ' in done.stdout, 'commands that help', done.stdout)
check(run('explain', *settings, '03:00.0').stdout == done.stdout, 'a short address')
detached = run('explain', '--detach', NIC, *settings)
check('the host driver e1000e holds it' not in detached.stdout, '--detach', detached.stdout)
host.device('0000:00:1f.0', **{'class': '0x060100'})
done = run('explain', '00:1f.0', *settings)
check("or insist (--insist)" in done.stdout, 'it names --insist', done.stdout)
check("or insist" not in run('explain', '--insist', '00:1f.0', *settings).stdout, '--insist')
host.device('0000:05:00.0', driver='\u00e91000\u009b31m')
done = run('explain', '05:00.0', *settings)
check('\u009b' not in done.stdout and '\u00e91000??31m' in done.stdout,
      "a driver's name has no control characters, and other letters", done.stdout)
done = run('explain', '--backend', 'fake', '0000:00:04.0')
check(done.returncode == 0 and done.stdout.startswith('0000:00:04.0: nothing stands in the way'),
      'a device that could be opened: exit status 0', done.stdout)
done = run('explain', '0000:77:00.0', *settings)
check(done.returncode == 1 and done.stdout.count('there is no such device') == 1,
      'a device that is not there', done.stdout)

# JSON.
done = run('explain', '--json', NIC, *settings)
said = json.loads(done.stdout)
check(done.returncode == 1 and
      set(said) == {'address', 'openable', 'boot_display', 'device', 'ways', 'findings', 'text'},
      'JSON: all of it', done.stdout)
check(said['address'] == NIC and said['openable'] is False and
      said['device']['vendor_id'] == '1af4' and said['device']['driver'] == 'e1000e' and
      said['device']['iommu_group'] == 14, 'JSON: the device', said['device'])
check([way['backend'] for way in said['ways']] == ['vfio', 'uio', 'sysfs'] and
      all('the host driver e1000e holds it' in way['reason'] and way['works'] is False
          for way in said['ways']), 'JSON: the ways', said['ways'])
first = dict(said['findings'][0])
commands = first.pop('commands')
remedy = first.pop('remedy')
check(first == {'obstacle': 'host-driver', 'blocks': True, 'error': -16, 'backend': 'vfio',
                'blocker': NIC, 'driver': 'e1000e', 'path': None, 'needed': 0, 'allowed': 0,
                'used': 0, 'group': 0, 'number': 0, 'cause': 'the host driver e1000e holds it'},
      'JSON: a finding', first)
check('RAWPCI' not in done.stdout, 'JSON: no name of C', done.stdout)
check(remedy.startswith(f'rawpci run {NIC} -- COMMAND or rawpci take {NIC} ') and commands.endswith('drivers_probe\n') and
      '\n' in commands, 'JSON: its remedy and commands', remedy, commands)
check(said['text'].startswith(f'{NIC}: the host driver') and said['text'].endswith('\n'),
      'JSON: the text', said['text'])
said = json.loads(run('explain', '--json', '--backend', 'fake', '0000:00:04.0').stdout)
check(said['openable'] is True and said['device'] is None and said['findings'] == [] and
      [way['backend'] for way in said['ways']] == ['fake'], 'JSON: a pretend device', said)

# --memory reaches the library: as another user the limit of locked memory would count.
for size in '0', '4096', '0x1000', '16M', '1T', '16777215T':
    check(run('explain', '--memory', size, NIC, *settings).returncode == 1, f'--memory {size}')
for size in ('', 'x', '-1', '1.5G', '4GB', '4g', 'M', '0xM', '16777216T', '18446744073709551616',
             ' 1', '1 ', '+1', '9' * 40):
    wrong(f'--memory {size!r}', [f'--memory {size} is no size', '4G'], 'explain', '--memory', size,
          NIC)

wrong('no address', ['an address is missing', '0000:03:00.0'], 'explain')
for address in 'nonsense', '', '03:00', '03:00.8', '03:20.0', '0000:03:00.0x', '-', '03:00.0\n':
    wrong(f'the address {address!r}',
          [f'"{address}" is no PCI address'.replace('\n', '?'), '0000:03:00.0'], 'explain', address)
wrong('two addresses', ['"04:00.0"', 'one address'], 'explain', '03:00.0', '04:00.0')
wrong('--memory without a value', ['"--memory" needs a value'], 'explain', NIC, '--memory')
wrong('a value for --detach', ['"--detach=yes" takes no value'], 'explain', NIC, '--detach=yes')
end()
