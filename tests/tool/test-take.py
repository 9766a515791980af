#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rawpci take and rawpci return, on a pretend host."""
import json
import os
import re
import signal
import subprocess

from answering import DISK, NIC, Host, until
from tool import check, end, wrong

VFIO = ('vfio-pci', 'vfio-pci')


def arguments():
    """Wrong ones."""
    host = Host()
    some = host.settings()
    wrong('take: no address', ['rawpci take ADDRESS'], 'take', *some)
    wrong('return: no address', ['--all', 'rawpci return ADDRESS'], 'return', *some)
    wrong('return: --all and an address', [f'"{NIC}"', '--all'], 'return', *some, '--all', NIC)
    for subcommand in ('take', 'return'):
        for address in ('', 'nonsense', '03:00.8', '../..', NIC + '\n', '-', '*'):
            wrong(f'{subcommand} {address!r}', ['PCI address'], subcommand, *some, NIC, address,
                  **host.environment())
        wrong(f'{subcommand}: an address twice', ['twice'], subcommand, *some, NIC, '3:0.0')
        wrong(f'{subcommand} --backend', ['--backend'], subcommand, *some, '--backend', 'vfio', NIC)
    wrong('take --backend', ['--driver', 'uio_pci_generic'], 'take', *some, '--backend', 'uio', NIC)
    for option in ('--driver=a/b', '--user=no-such-user', '--user=:', '--driver='):
        wrong(f'take {option}', [option.split('=')[0]], 'take', *some, option, NIC,
              **host.environment())
    for driver in 'nvme', 'nosuch':
        done = host.run('take', '--driver', driver, NIC)
        check(done.returncode == 1 and done.stdout == '' and len(done.stderr.splitlines()) == 1 and
              all(word in done.stderr for word in (driver, 'no driver for user space', '(--insist)')),
              f'take --driver {driver}', done)
    check(host.written() == [], 'nothing is touched', host.written())


def both():
    """Taken and returned."""
    host = Host()
    done = host.run('take', NIC, DISK)
    check(done.returncode == 0 and done.stderr == '' and done.stdout.splitlines() == [
        f'{NIC}: taken from e1000e, bound to vfio-pci; open {host.path("dev/vfio/0")}',
        f'{DISK}: taken from nvme, bound to vfio-pci; open {host.path("dev/vfio/1")}'],
          'take says what it has done', done)
    check(host.bound(NIC) == VFIO and host.bound(DISK) == VFIO, 'both are taken', host.seen())
    done = host.run('recover')
    check(done.returncode == 0 and host.bound(NIC) == VFIO, 'recover leaves them alone', done)
    done = host.run('list', '--json')
    kept = {one['address']: one['kept_from'] for one in json.loads(done.stdout)}
    check(kept.get(NIC) == 'e1000e' and kept.get(DISK) == 'nvme', 'list --json knows them', done)
    done = host.run('list')
    check([line.count('vfio-pci (kept from nvme)') for line in done.stdout.splitlines()
           if line.startswith(DISK)] == [1], 'list marks them', done)
    node = os.open(host.path('dev/vfio/1'), os.O_RDWR)
    done = host.run('list', '--json')
    kept = {one['address']: (one['kept_from'], one['obstacle']) for one in json.loads(done.stdout)}
    check(kept.get(DISK) == ('nvme', 'owned'), 'list --json while a program has one open', done)
    done = host.run('list')
    check(['vfio-pci (kept from nvme) no:owned' in ' '.join(line.split()) for line in done.stdout.splitlines()
           if line.startswith(DISK)] == [True], 'list while a program has one open', done)
    os.close(node)
    done = host.run('take', NIC)
    check(done.returncode == 1 and len(done.stderr.splitlines()) == 1 and host.bound(NIC) == VFIO,
          'a second take fails', done)
    done = host.run('return', NIC)
    check((done.returncode, done.stdout, done.stderr) == (0, f'{NIC}: returned to e1000e\n', ''),
          'return says what it has done', done)
    check(host.bound(NIC) == ('e1000e', '(null)') and host.bound(DISK) == VFIO, 'one is returned',
          host.seen())
    done = host.run('return', NIC)
    check(done.returncode == 1 and NIC in done.stderr and len(done.stderr.splitlines()) == 1,
          'one that is not kept is not returned', done)
    done = host.run('return', '--all')
    check((done.returncode, done.stdout) == (0, f'{DISK}: returned to nvme\n') and
          host.is_as_before(), 'return --all', done, host.seen())
    done = host.run('return', '--all')
    check((done.returncode, done.stdout, done.stderr) == (0, '0 devices returned\n', ''),
          'and again', done)


def left():
    """One that a killed program has left, as a boot does, too: return names it."""
    host = Host()
    for words in ([], ['--json']):
        host.run('take', NIC, DISK)
        record = host.path(f'run/{NIC}')
        with open(record, encoding='ascii') as file:
            text = re.sub('kept .*', 'kept another-boot', file.read())
        with open(record, 'w', encoding='ascii') as file:
            file.write(text)
        done = host.run('return', *words, DISK, NIC)
        check((done.returncode, done.stderr) == (0, '') and (
            json.loads(done.stdout) == [{'address': DISK, 'driver': 'nvme'},
                                        {'address': NIC, 'driver': 'e1000e'}] if words else
            done.stdout == f'{DISK}: returned to nvme\n{NIC}: returned to e1000e\n'),
              f'return {words} of one that was left', done)
    check(host.is_as_before(), 'and it is returned', host.seen())


def for_programs():
    """--json."""
    host = Host()
    done = host.run('take', '--json', '--driver', 'uio_pci_generic', NIC)
    check(done.returncode == 0 and json.loads(done.stdout) == [
        {'address': NIC, 'host_driver': 'e1000e', 'driver': 'uio_pci_generic', 'nodes': []}],
          'take --json', done)
    done = host.run('return', '--json', '--all')
    check(done.returncode == 0 and json.loads(done.stdout) == [
        {'address': NIC, 'driver': 'e1000e'}], 'return --json', done)
    done = host.run('return', '--json', '--all')
    check(done.returncode == 0 and json.loads(done.stdout) == [], 'and again', done)


def failures():
    """All or none."""
    host = Host()
    done = host.run('take', NIC, '0000:05:00.0')
    check(done.returncode == 1 and '0000:05:00.0' in done.stderr and done.stdout == '' and
          len(done.stderr.splitlines()) == 1, 'one of them is not there', done)
    check(host.is_as_before(), 'none is taken', host.seen())
    done = host.run('take', '--driver', 'e1000e', '--insist', NIC)
    check(done.returncode == 1 and 'is its host driver already' in done.stderr and
          host.is_as_before(), '--driver is the host driver', done)
    host.driver('nvme')
    done = host.run('take', '--driver', 'nvme', '--insist', NIC)
    check(done.returncode == 0 and host.bound(NIC) == ('nvme', 'nvme'), '--insist', done)
    host.run('return', NIC)
    os.unlink(host.path('sys/bus/pci/drivers/vfio-pci/unbind'))
    os.rmdir(host.path('sys/bus/pci/drivers/vfio-pci'))
    for words in (NIC, 'no such device'), ('0000:05:00.0', 'no such device'):
        done = host.run('take', words[0])
        check(done.returncode == 1 and len(done.stderr.splitlines()) == 1 and
              (words[1] in done.stderr) == (words[0] != NIC) and
              ('modprobe vfio-pci' in done.stderr) == (words[0] == NIC) and host.is_as_before(),
              f'without vfio-pci: {words[0]}', done)
    host.driver('vfio-pci')
    if host.has_real_nodes():
        node = host.path('dev/vfio/0')
        done = host.run('take', '--user', '4321:1234', NIC)
        seen = os.stat(node)
        check((seen.st_uid, seen.st_gid) == (4321, 1234), '--user', seen, done)
        host.run('return', NIC)
        check(host.is_as_before(), 'and back', host.seen())


def interrupted():
    """A signal while the devices are taken or returned."""
    host = Host()
    host.write('slow', '100')
    for subcommand in 'take', 'return', 'recover':
        if subcommand != 'take':
            host.write('slow', '0')
            host.run('take', NIC)
            host.write('slow', '100')
        if subcommand == 'recover': # of a killed program
            host.write(f'run/{NIC}', f'rawpci 1\ndevice {NIC} 8086:3412\ndriver e1000e\n'
                                     'override \ntaken-by vfio-pci\nend\n')
        before = len(host.written())
        with subprocess.Popen(host.words(subcommand, *[NIC] * (subcommand != 'recover')),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env={**os.environ, **host.environment()}) as process:
            until(lambda: len(host.written()) > before)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=30)
        check(process.returncode == -signal.SIGINT and said[1] == '' and
              ('returned' in said[0]) == (subcommand != 'take'),
              f'^C of {subcommand} ends it', process.returncode, said)
        check(host.is_as_before(), f'^C of {subcommand}: the devices are as before', host.seen())


def refused():
    """The kernel refuses with EINVAL: no argument is wrong."""
    host = Host()
    host.write('refuse', 'drivers_probe')
    done = host.run('take', NIC)
    check(done.returncode == 1 and 'rawpci_recover()' not in done.stderr and
          'run rawpci recover' in done.stderr, 'take: the kernel refuses', done)
    os.remove(host.path('refuse'))
    done = host.run('recover')
    check(done.returncode == 0 and host.is_as_before(), 'the remedy helps', done, host.seen())
    host.run('take', NIC)
    host.write('refuse', 'drivers_probe')
    done = host.run('return', NIC)
    check(done.returncode == 1 and done.stdout == '', 'return: the kernel refuses', done)


arguments()
both()
interrupted()
refused()
left()
for_programs()
failures()
end()
