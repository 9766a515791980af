#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rawpci mmio: registers of the pretend device, and BARs of a tree that stands for sysfs."""
import json

from tool import Host, check, end, run, wrong

FAKE = ['--backend', 'fake', '0:4.0']
ADDRESS = '0000:03:00.0'


def test_fake():
    done = run('mmio', *FAKE, '0', '0')
    check(done.returncode == 0 and done.stdout == '010000ed\n', 'the identity register',
          done.stdout, done.stderr)
    done = run('mmio', *FAKE, '0', '4=12345678', '4.L', '4=1:ff', '4', '80.q=123456789abcdef', '80.Q',
               '0x84', '8=0a', '08')
    check(done.returncode == 0 and done.stdout == 'edcba987\n123456fe\n'
          f'0123456789abcdef\nffffffff\n{3628800:08x}\n',
          'writes and reads, in order', done.stdout, done.stderr)
    done = run('mmio', *FAKE, '0', '80.q=1,2', '80.q', '88.q')
    check(done.stdout == f'{1:016x}\n{2:016x}\n', 'two values go to neighbours', done.stdout,
          done.stderr)
    done = run('mmio', *FAKE, '0', 'ffffc', 'fffff.b', 'ffffe.w')
    check(done.returncode == 0 and done.stdout == 'ffffffff\nff\nffff\n', 'the end of the BAR',
          done.stdout, done.stderr)
    done = run('mmio', '--json', *FAKE, '0', '0', '8=5', '8')
    check(json.loads(done.stdout) == {'address': '0000:00:04.0', 'bar': 0, 'registers': [
        {'register': '0', 'offset': '0x0', 'width': 4, 'value': '0x010000ed'},
        {'register': '8', 'offset': '0x8', 'width': 4, 'value': '0x00000078'}]}, 'JSON',
          done.stdout, done.stderr)
    done = run('mmio', '--backend', 'fake', '0:5.0', '0', '0')
    check(done.returncode == 1 and done.stdout == '' and '0000:00:05.0' in done.stderr, 'no such device',
          done.stdout, done.stderr)


def test_arguments():
    wrong('no address', ['ADDRESS BAR OFFSET'], 'mmio', '--backend', 'fake')
    wrong('no BAR', ['ADDRESS BAR OFFSET'], 'mmio', *FAKE)
    wrong('no offset', ['ADDRESS BAR OFFSET'], 'mmio', *FAKE, '0')
    wrong('no PCI address', ['"nonsense"'], 'mmio', '--backend', 'fake', 'nonsense', '0', '0')
    wrong('a negative offset', ['"-4"'], 'mmio', *FAKE, '0', '4=1', '-4')
    for bar in ('6', '10', '', 'x', '+1', '0x0', ' 0', '0 ', 'romx'):
        wrong(f'the BAR {bar!r}', [f'"{bar}" is no BAR', '0 to 5, or rom'], 'mmio', *FAKE, bar, '0')
    for bar in '1', 'rom':
        wrong(f'the device has no BAR {bar}', ['does not have'], 'mmio', *FAKE, bar, '0')
    for word in ('', '+4', ' 4', '4 ', '4x', 'x', '4.', '4.x', '4.lb', '4@1', '4+4', 'COMMAND', '=1',
                 '.l', '2', '1.w', '4.q', '100000', 'fffff.w', '8000000000000000',
                 '7fffffffffffffff.b', '10000000000000000', '4=', '4=x', '4=-1', '4=100000000',
                 '4.b=100', '4.q=10000000000000000', '4=1:', '4=:1', '4=1:100000000', '4=1,', '4=,1',
                 '4\n', '1' * 100):
        wrong(f'the register {word!r}', [word.replace('\n', '?')], 'mmio', *FAKE, '0', '4=1', word)
    wrong('values beyond the end', ['"ffffc"'], 'mmio', *FAKE, '0', 'ffffc=1,2')


def test_host():
    """A BAR that does not fit is found before the device is opened."""
    host = Host()
    empty = '0x0000000000000000 0x0000000000000000 0x0000000000000000\n'
    host.device(ADDRESS, 'e1000e', group=1, resource=
                '0x00000000fe000000 0x00000000fe003fff 0x0000000000040200\n' +
                '0x000000000000e000 0x000000000000e01f 0x0000000000040101\n' + empty * 11)
    for name, named, words in (
            ('an absent BAR', ['does not have BAR 2'], ('2', '0')),
            ('beyond the BAR', ['"4000"', 'BAR 0', '4000 bytes'], ('0', '4000')),
            ('unaligned', ['"2"', 'multiple of 4'], ('0', '2')),
            ('.Q of ports', ['"0.q"', 'BAR 1', 'I/O ports'], ('1', '0.q')),
            ('beyond the ports', ['"20.b"', 'BAR 1'], ('1', '20.b'))):
        wrong(name, named, 'mmio', *host.settings(), ADDRESS, *words)
    for words in ('0', '0'), ('1', '1.w'), ('0', '0=1'):
        done = run('mmio', *host.settings(), ADDRESS, *words)
        check(done.returncode == 1 and done.stdout == '' and 'e1000e' in done.stderr,
              f'a device with a host driver is not taken {words}', done.returncode, done.stdout,
              done.stderr)


test_fake()
test_arguments()
test_host()
end()
