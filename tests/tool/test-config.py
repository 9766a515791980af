#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rawpci config: registers and dumps of the pretend device and of a tree that stands for sysfs, and
what lspci and setpci say to them."""
import json
import os
import re
import shutil
import struct
import subprocess

from tool import Host, check, end, run, wrong

ADDRESS = '0000:03:00.0'
FAKE = ['--backend', 'fake', '0000:00:04.0']


def config_space():
    """4096 bytes with capabilities, two of some kinds, and a byte of its own at each other place."""
    space = bytearray((7 * i + (i >> 8)) & 0xff for i in range(4096))
    space[0:16] = struct.pack('<HHHHBBHBBBB', 0x8086, 0x10d3, 0x0006, 0x0010, 3, 0, 0x0200, 8, 0, 0,
                              0)
    space[0x34] = 0x40
    for at, number, behind in ((0x40, 0x01, 0x52), (0x50, 0x05, 0x60), (0x60, 0x09, 0x70),
                               (0x70, 0x09, 0x80), (0x80, 0x10, 0x00)):
        space[at:at + 2] = bytes((number, behind)) # the two lowest bits of 52 do not count
    for at, number, behind in ((0x100, 0x0001, 0x140), (0x140, 0x0003, 0x150),
                               (0x150, 0x000b, 0x160), (0x160, 0x000b, 0)):
        space[at:at + 4] = struct.pack('<I', number | 1 << 16 | behind << 20)
    return bytes(space)


def tree(config=None, driver='e1000e', **files):
    """A host with one device, as complete as the PCI utilities want it."""
    host = Host()
    host.device(ADDRESS, driver, group=1, config=config or config_space(), irq='11',
                resource='0x0000000000000000 0x0000000000000000 0x0000000000000000\n' * 12 + '0x0' +
                ' 0x0' * 2, **{'vendor': '0x8086', 'device': '0x10d3', 'class': '0x020000', **files})
    return host


def read(host, *words):
    return run('config', *host.settings(), ADDRESS, *words)


def pciutils(name, host, *words):
    """What lspci or setpci prints for the tree. None: it is not installed."""
    path = shutil.which(name, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if not path:
        return None
    done = subprocess.run([path, '-A', 'linux-sysfs', '-O', 'sysfs.path=' +
                           host.path('sys/bus/pci'), *words], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stdout if done.returncode == 0 else f'{done.stdout}{done.stderr}'


def rows(text):
    return [line for line in text.splitlines() if re.match(r'[0-9a-f]{2,3}: ', line)]


def skip(name, why):
    check(True, f'{name} # SKIP {why}')


def test_fake():
    done = run('config', *FAKE, 'VENDOR_ID', 'device_id', 'CAP_MSI+2.W', 'cap05.l', '8.B', '0x2.w')
    check(done.stdout == '1234\n11e8\n0080\n00800005\n00\n11e8\n' and done.returncode == 0,
          'registers of the pretend device', done.stdout, done.stderr)
    done = run('config', *FAKE, 'COMMAND=2', 'COMMAND', 'COMMAND=1:1', 'COMMAND', 'COMMAND=ffff:0',
               'COMMAND', '4.b=0', 'COMMAND')
    check(done.stdout == '0002\n0003\n0003\n0000\n' and done.returncode == 0, 'writes, in order',
          done.stdout, done.stderr)
    done = run('config', *FAKE, 'CACHE_LINE_SIZE=10,20', 'CACHE_LINE_SIZE.w', 'INTERRUPT_LINE=5',
               'INTERRUPT_LINE')
    check(done.stdout.splitlines()[1:] == ['05'] and done.stdout[2:4] == '10',
          'two values go to neighbours', done.stdout, done.stderr)
    done = run('config', *FAKE)
    lines = done.stdout.splitlines()
    check(done.returncode == 0 and len(rows(done.stdout)) == 16 and
          lines[0] == '0000:00:04.0 00ff: 1234:11e8 (rev 00)' and
          lines[1] == '00: 34 12 e8 11 00 00 10 00 00 00 ff 00 00 00 00 00' and lines[17] == '',
          'a dump of the pretend device', done.stdout, done.stderr)
    done = run('config', '--json', *FAKE, 'COMMAND=1', 'COMMAND.l')
    check(json.loads(done.stdout) == {'address': '0000:00:04.0', 'registers': [
        {'register': 'COMMAND.l', 'offset': '0x4', 'width': 4, 'value': '0x00100001'}]},
          'JSON of registers', done.stdout, done.stderr)
    for word, why in (('CAP_PM.w', 'does not have the capability'), ('CAP05.l@1', 'capability'),
                      ('ECAP_AER.l', 'capability'), ('100.b', 'beyond the config space'),
                      ('CAP_MSI+b0.b', 'beyond the config space')):
        done = run('config', *FAKE, 'COMMAND=2', word)
        check(done.returncode == 1 and done.stdout == '' and f'"{word}"' in done.stderr and
              why in done.stderr and len(done.stderr.splitlines()) == 1,
              f'the device does not have {word}', done.stdout, done.stderr)


def test_host():
    host = tree()
    space = config_space()
    done = read(host)
    dumped = bytes.fromhex(''.join(line.split(': ', 1)[1] for line in rows(done.stdout)))
    check(dumped == space and done.returncode == 0, 'a dump has every byte', done.stdout,
          done.stderr)
    done = read(host, '--json')
    check(json.loads(done.stdout) == {'address': ADDRESS, 'size': 4096, 'bytes': space.hex()},
          'JSON of a dump', done.stdout[:300], done.stderr)
    done = run('config', *host.settings(), '3:0.0', 'STATUS', 'ECAP_VNDR.l@1', 'CAP_VNDR+4.b@1')
    check(done.stdout == f'0010\n0001000b\n{space[0x74]:02x}\n', 'registers of the host\'s device',
          done.stdout, done.stderr)
    check(not os.path.exists(host.path('run')) and
          os.readlink(host.path(f'sys/bus/pci/devices/{ADDRESS}/driver')) == '../../drivers/e1000e',
          'reading has left the device alone')
    done = run('config', *host.settings(), '0000:04:00.0', 'STATUS')
    check(done.returncode == 1 and '0000:04:00.0' in done.stderr and done.stdout == '',
          'no such device', done.stderr)


def test_refused():
    host = tree()
    before = open(host.path(f'sys/bus/pci/devices/{ADDRESS}/config'), 'rb').read()
    for backend in ([], ['--backend', 'sysfs'], ['--backend', 'vfio']):
        done = read(host, *backend, 'COMMAND=0', 'COMMAND')
        check(done.returncode == 1 and done.stdout == '' and
              'e1000e' in done.stderr and 'add --detach' in done.stderr,
              f'no write beneath a host driver {backend}', done.stdout, done.stderr)
    after = open(host.path(f'sys/bus/pci/devices/{ADDRESS}/config'), 'rb').read()
    check(before == after, 'config space is as it was')
    host = tree(power_state='D3cold')
    done = read(host, 'COMMAND')
    check(done.returncode == 1 and 'D3cold' in done.stderr and '--insist' in done.stderr,
          'a device in D3cold is not woken', done.stdout, done.stderr)
    done = read(host, '--insist', 'COMMAND')
    check(done.returncode == 0 and done.stdout == '0006\n', 'but with --insist', done.stdout,
          done.stderr)
    done = read(tree(bytes([0xff] * 256)), 'COMMAND')
    check(done.returncode == 1 and 'does not answer' in done.stderr and done.stdout == '',
          'a device that is gone', done.stdout, done.stderr)


def test_short():
    """The kernel shows 64 bytes to a user who is not root."""
    host = tree(config_space()[:64])
    done = read(host, 'COMMAND')
    check(done.returncode == 0 and done.stdout == '0006\n', 'the first bytes', done.stderr)
    done = read(host, 'CAP_PM.w')
    check(done.returncode == 1 and 'as root' in done.stderr, 'not those behind', done.stdout,
          done.stderr)
    done = read(host)
    check(done.returncode == 0 and len(rows(done.stdout)) == 4 and 'as root' in done.stderr,
          'a dump of what is shown', done.stdout, done.stderr)
    done = read(tree(config_space()[:32]))
    check(done.returncode == 1 and done.stdout == '' and 'ends after 32 bytes' in done.stderr,
          'too little for a header', done.stdout, done.stderr)


def test_rings():
    """Lists of capabilities that never end."""
    space = bytearray(config_space())
    space[0x81] = 0x40
    space[0x160:0x164] = struct.pack('<I', 0x000b | 1 << 16 | 0x100 << 20)
    host = tree(bytes(space))
    for word in ('CAP_MSIX.w', 'ECAP_ACS.w'):
        done = read(host, word)
        check(done.returncode == 1 and 'does not have' in done.stderr, f'a ring, {word}',
              done.stdout, done.stderr)
    check(read(host, 'CAP_EXP.b').stdout == '10\n', 'the last entry of the ring')
    kind = read(host, 'CAP_EXP.b@1')
    check(kind.returncode == 1 and 'does not have' in kind.stderr, 'an entry counts once', kind)


def test_pciutils():
    host = tree()
    listed = pciutils('lspci', host, '-D', '-xxxx')
    if listed is None:
        skip('lspci prints the same dump', 'no pciutils')
        return
    done = read(host)
    check(rows(listed) == rows(done.stdout) and len(rows(listed)) == 256,
          'lspci prints the same dump', listed[:300], done.stdout[:300])
    host.write('dump', done.stdout)
    back = subprocess.run([shutil.which('lspci', path=os.environ['PATH'] + ':/usr/sbin:/sbin'),
                           '-D', '-xxxx', '-F', host.path('dump')], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check(sorted(rows(back.stdout)) == sorted(rows(done.stdout)) and
          back.stdout.splitlines()[0].startswith(ADDRESS) and back.stderr == '',
          'lspci -F reads the dump back', back.stdout[:300], back.stderr)
    names = subprocess.run([shutil.which('setpci', path=os.environ['PATH'] + ':/usr/sbin:/sbin'),
                            '--dumpregs'], text=True, check=False, stdout=subprocess.PIPE).stdout
    ours = run('config', '--registers').stdout
    missing = set(ours.splitlines()) - set(names.splitlines())
    check(not missing or len(names.splitlines()) < len(ours.splitlines()),
          'setpci knows the names with their widths', missing)
    words = ['CAP_PM+2.w', 'cap_msi.L', 'CAP09.b@1', 'Cap_Vndr+2.B@1', 'CAP10+4.l', 'ECAP_AER+4.l',
             'ECAP3.l', 'ecap000b+4.w@1', '4.W', 'ffc.L', '0x10.l', 'VENDOR_ID+2', 'COMMAND.l',
             'VENDOR_ID+1.b', 'status']
    theirs = pciutils('setpci', host, '-s', ADDRESS, *words)
    done = read(host, *words)
    check(done.stdout == theirs and len(theirs.splitlines()) == len(words),
          'setpci reads the same registers', theirs, done.stdout, done.stderr)
    names = [line.split()[-1] for line in ours.splitlines()[1:] if ' - ' not in line]
    bridge = names.index('PRIMARY_BUS')
    not_bridge = ('BASE_ADDRESS_2', 'BASE_ADDRESS_3', 'BASE_ADDRESS_4', 'BASE_ADDRESS_5',
                  'CARDBUS_CIS', 'SUBSYSTEM_VENDOR_ID', 'SUBSYSTEM_ID', 'ROM_ADDRESS', 'MIN_GNT',
                  'MAX_LAT')
    cardbus = [name for name in names if name.startswith('CB_')]
    for kind, known, unknown in (
            (0, names[:bridge], ('PRIMARY_BUS', 'CB_CAPABILITIES')),
            (1, [name for name in names if name not in cardbus and name not in not_bridge],
             not_bridge + ('CB_CAPABILITIES',)),
            (2, names[:names.index('BASE_ADDRESS_0')] + cardbus,
             ('BASE_ADDRESS_0', 'CAPABILITIES', 'INTERRUPT_LINE', 'IO_BASE'))):
        space = bytearray(config_space())
        space[0x0e] = kind
        host = tree(bytes(space))
        theirs = pciutils('setpci', host, '-s', ADDRESS, *known)
        done = read(host, *known)
        check(done.stdout == theirs and len(theirs.splitlines()) == len(known),
              f'setpci reads the same names of header type {kind}', theirs, done.stdout, done.stderr)
        for name in unknown:
            theirs = pciutils('setpci', host, '-s', ADDRESS, name)
            done = read(host, name)
            check('Does not have register' in theirs and done.returncode == 1 and
                  done.stdout == '' and 'does not have' in done.stderr,
                  f'header type {kind} does not have {name}', theirs, done.stdout, done.stderr)


def test_arguments():
    for words, named in (
            (('0000:00:04.0', 'COMMAND=1', '-4.w'), '"-4"'),
            (('0000:00:04.0', 'COMMAND=1', 'ffc.l=1,2'), '"ffc.l"'),
            ((), 'ADDRESS'), (('nonsense',), '"nonsense"'), (('',), '""'),
            (('0000:00:04.8', 'COMMAND'), '0000:00:04.8')):
        wrong(f'config {words}', [named], 'config', '--backend', 'fake', *words)
    for word in ('', 'COMMAN', 'COMMAND+', 'COMMAND.x', 'COMMAND.', 'COMMAND.wl', '4', '4.q',
                 '+4.w', ' 4.w', '4 .w', '5.w', '6.l', '1000.b', 'ffe.l', '10000000000000004.w',
                 'CAP_.b', 'CAP.b', 'CAP100.b', 'ECAP10000.b', 'CAP_PM', 'CAP_PM+1.w', 'CAP_PM@1',
                 'CAP_PM@.w', 'CAP_PM.w@', 'CAP_PM.w@x', 'CAP_PM.w@1000', 'COMMAND@0', '4.w@0',
                 'CAP_PM+-1.b', 'CAP_PM+1000.b', 'COMMAND=', 'COMMAND=x', 'COMMAND=-1',
                 'COMMAND=10000', 'COMMAND.b=100', 'COMMAND=1:', 'COMMAND=:1', 'COMMAND=1:10000',
                 'COMMAND=1,', 'COMMAND=,1', 'COMMAND=1,,1', 'COMMAND= 1', 'COMMAND=1 ',
                 '=1', '.w', '@', 'A' * 100, '4.w\n', 'COMMAND=' + '1' * 100):
        wrong(f'the register {word!r}', [word.replace('\n', '?')], 'config', *FAKE, 'COMMAND=1',
              word)


test_fake()
test_host()
test_refused()
test_short()
test_rings()
test_pciutils()
test_arguments()
end()
