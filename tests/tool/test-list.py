#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rawpci list: columns, cutting, colour, JSON, and what it refuses."""
import json
import os
import re

from tool import Host, check, end, run, run_on_terminal, wrong

BRIDGE = '0000:00:1e.0'
NIC = '0000:03:00.0'
DISK = '10000:e0:00.7'
EVIL = 'b\x1b[31m"\\'
ESCAPE = re.compile('\x1b\\[[0-9;]*m')

host = Host()
host.device(BRIDGE, driver='pcieport', vendor='0x1b36', device='0x0001', **{'class': '0x060401'})
config = bytearray(4096)
config[0:4] = (0x10411af4).to_bytes(4, 'little')
config[0x3d] = 1
host.device(NIC, driver='vfio-pci', group=14, config=bytes(config), vendor='0x1af4',
            device='0x1041', revision='0x03', boot_vga='1', sriov_totalvfs='8', sriov_numvfs='2',
            power_state='D0', reset_method='flr pm', **{
                'class': '0x020000',
                'resource': '0x00000000f7c00000 0x00000000f7c1ffff 0x0000000000040200\n'
                            '0x0000000000000000 0x0000000000000000 0x0000000000000000\n'
                            '0x0000003800000000 0x0000003fffffffff 0x000000000014220c\n'
                            '0x0000000000000000 0x0000000000000000 0x0000000000000000\n'
                            '0x000000000000f020 0x000000000000f03f 0x0000000000040101\n'
                            '0x0000000000000000 0x0000000000000000 0x0000000000000000\n'
                            '0x00000000f7c40000 0x00000000f7c7ffff 0x0000000000046200'})
host.device(DISK, driver=EVIL, **{'class': '0x010802'})
settings = host.settings()

# The table.
done = run('list', *settings)
lines = done.stdout.splitlines()
check(done.returncode == 0 and done.stderr == '' and len(lines) == 4, 'a line a device',
      done.stdout, done.stderr)
check([line.split()[0] for line in lines] == ['ADDRESS', BRIDGE, NIC, DISK],
      'in the order of addresses', done.stdout)
starts = [lines[0].index(title) for title in ('ADDRESS', 'IDS', 'GROUP', 'DRIVER', 'OPENS WITH',
                                              'DEVICE')]
check(all(line[at] != ' ' and line[at - 1] == ' ' for line in lines for at in starts[1:]),
      'columns are aligned', done.stdout)
check(lines[1][starts[1]:].startswith('1b36:0001') and lines[1][starts[2]:].startswith('-') and
      lines[1][starts[3]:].startswith('pcieport') and
      lines[1][starts[4]:].startswith('no:bridge ') and
      'PCI bridge' in lines[1][starts[5]:], "a bridge's line", lines[1])
check(lines[2][starts[2]:].startswith('14 ') and 'Ethernet controller' in lines[2] and
      lines[2].endswith(', the display that the host booted with'), "a device's line", lines[2])
check('\x1b' not in done.stdout and 'b?[31m"\\ ' in lines[3],
      'a control character of a name does not come through', lines[3])
check(all(line == line.rstrip() for line in lines), 'nothing after the last column', done.stdout)
check(max(map(len, lines)) > 80 and run('list', *settings, COLUMNS='40').stdout == done.stdout,
      'without a terminal lines are whole', done.stdout)

# A terminal.
wide = run_on_terminal(400, 'list', *settings)
check('\x1b[1m' + NIC + '\x1b[0m' in wide and '\x1b[33mno:bridge\x1b[0m' in wide,
      'colour on a terminal', repr(wide))
check(ESCAPE.sub('', wide) == done.stdout, 'and the same text', repr(wide))
for columns in 79, 60, 41, 13, 12, 3, 1:
    said = run_on_terminal(columns, 'list', *settings)
    plain = [line[:columns].rstrip() for line in lines]
    check([line.rstrip() for line in ESCAPE.sub('', said).splitlines()] == plain,
          f'cut to {columns} columns', repr(said))
said = run_on_terminal(400, 'list', *settings, COLUMNS='50')
check(max(len(line) for line in ESCAPE.sub('', said).splitlines()) == 50, '$COLUMNS counts',
      repr(said))
for columns in '0', '-3', '5x', '', '99999999999999999999':
    said = run_on_terminal(60, 'list', *settings, COLUMNS=columns)
    check(max(len(line) for line in ESCAPE.sub('', said).splitlines()) == 60,
          f'$COLUMNS is "{columns}"', repr(said))
check('\x1b' not in run_on_terminal(400, 'list', *settings, NO_COLOR='1'), 'NO_COLOR')
check('\x1b' in run_on_terminal(400, 'list', *settings, NO_COLOR=''), 'NO_COLOR is empty')
check('\x1b' not in run_on_terminal(400, 'list', *settings, TERM='dumb'), 'TERM is dumb')
check('\x1b' not in run_on_terminal(400, 'list', '--json', *settings), 'JSON has no colour')

# JSON.
done = run('list', '--json', *settings)
devices = json.loads(done.stdout)
check(done.returncode == 0 and [one['address'] for one in devices] == [BRIDGE, NIC, DISK],
      'one array of devices', done.stdout)
expected = {
    'address': NIC, 'vendor_id': '1af4', 'device_id': '1041', 'subsystem_vendor_id': '1af4',
    'subsystem_id': '1100', 'class_code': '020000', 'revision': '03',
    'class_name': 'Ethernet controller', 'driver': 'vfio-pci', 'iommu_group': 14,
    'iommu_type': None, 'gone': False, 'bridge': False, 'boot_vga': True, 'boot_display': True,
    'virtual_function': False, 'vfs': 2, 'total_vfs': 8, 'config_size': 4096,
    'reset_methods': ['flr', 'pm'], 'power': 'D0', 'capabilities_known': True,
    'irq_count': {'intx': 1, 'msi': 0, 'msix': 0}, 'power_states': [], 'express': False,
    'regions': [
        {'region': 'bar0', 'address': '0xf7c00000', 'size': 0x20000, 'is_io': False,
         'is_64bit': False, 'is_prefetchable': False},
        {'region': 'bar2', 'address': '0x3800000000', 'size': 0x800000000, 'is_io': False,
         'is_64bit': True, 'is_prefetchable': True},
        {'region': 'bar4', 'address': '0xf020', 'size': 32, 'is_io': True, 'is_64bit': False,
         'is_prefetchable': False},
        {'region': 'rom', 'address': '0xf7c40000', 'size': 0x40000, 'is_io': False,
         'is_64bit': False, 'is_prefetchable': True},
    ],
}
for name, value in expected.items():
    check(devices[1].get(name, 'missing') == value, f'JSON: {name}', devices[1].get(name))
check(set(devices[1]) - set(expected) == {'vendor_name', 'device_name', 'kept_from', 'openable',
                                          'obstacle', 'ways'}, 'JSON: no other fields', set(devices[1]))
check([way['backend'] for way in devices[1]['ways']] == ['vfio', 'uio', 'sysfs'] and
      all(set(way) == {'backend', 'works', 'interrupts', 'dma', 'reason'}
          for way in devices[1]['ways']), 'JSON: ways', devices[1]['ways'])
check(devices[0]['bridge'] and devices[0]['iommu_group'] is None and
      devices[0]['obstacle'] == 'bridge' and devices[0]['openable'] is False,
      'JSON: what is missing is null', devices[0])
check(devices[2]['driver'] == EVIL, 'JSON: a name with every kind of character',
      devices[2]['driver'])
host.device('0000:04:00.0', driver=b'\xff\xc3\xa9\xed\xa0\x80\xc0\xaf'.decode('utf-8',
                                                                             'surrogateescape'))
done = run('list', '--json', *settings)
check(json.loads(done.stdout.encode('utf-8', 'surrogateescape'))[2]['driver'] ==
      '\ufffdé\ufffd\ufffd\ufffd\ufffd\ufffd', 'JSON: bytes that are no UTF-8', done.stdout)

# The host's use of a device says more than its driver.
busy = Host()
busy.device(NIC, driver='e1000e')
os.makedirs(busy.path('sys/class/net'))
os.symlink(f'../../bus/pci/devices/{NIC}/net/eth0', busy.path('sys/class/net/eth0'))
for flags, obstacle in ('0x1003', 'in-use'), ('0x1002', 'host-driver'):
    busy.write(f'sys/bus/pci/devices/{NIC}/net/eth0/flags', flags + '\n')
    done = run('list', '--json', *busy.settings())
    check(json.loads(done.stdout)[0]['obstacle'] == obstacle, f'JSON: {obstacle}', done)
    done = run('list', *busy.settings())
    check(f' no:{obstacle} ' in done.stdout, f'no:{obstacle}', done)

# The fake, which has devices of its own; an empty host; a host without PCI.
done = run('list', '--json', '--backend', 'fake')
check([(one['address'], one['openable']) for one in json.loads(done.stdout)] ==
      [('0000:00:04.0', True)], "the fake's device", done.stdout)
check(run('list', RAWPCI_BACKEND='fake').stdout.splitlines()[1:] ==
      ['0000:00:04.0  1234:11e8  -      -       fake        Unclassified device'],
      '$RAWPCI_BACKEND')
empty = Host()
empty.write('sys/bus/pci/devices/x', '')
check(run('list', '--json', *empty.settings()).stdout == '[]\n', 'no devices: an empty array',
      run('list', '--json', *empty.settings()))
done = run('list', '--set', 'sysfs.dir=/nonexistent')
check(done.returncode == 1 and len(done.stderr.splitlines()) == 1 and
      '/nonexistent/bus/pci/devices' in done.stderr, 'no PCI here', done)

# This host's own devices.
done = run('list', '--json')
if done.returncode == 0:
    check(all(re.fullmatch('[0-9a-f]{4}', one['vendor_id']) for one in json.loads(done.stdout)),
          "this host's devices", done.stdout)

wrong('an operand', ['"03:00.0"', 'lists all'], 'list', '03:00.0')
wrong('no such backend', ['"nonsense"', 'vfio, uio, sysfs or fake'], 'list', '--backend', 'nonsense')
wrong('no such backend in $RAWPCI_BACKEND', ['"nonsense"'], 'list', RAWPCI_BACKEND='nonsense')
wrong('an unknown setting', ['"nonsense=1"', 'sysfs.dir='], 'list', '--set', 'nonsense=1')
wrong('a wrong value', ['vfio.noiommu=maybe', 'no or yes'], 'list', '--set', 'vfio.noiommu=maybe')
end()
