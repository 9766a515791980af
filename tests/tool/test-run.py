#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rawpci run, on a pretend host: arguments, exit statuses, what the command gets, what comes back."""
import os
import signal
import subprocess

import tool
from answering import DISK, NIC, Host, is_left
from tool import check, end, wrong


def as_before(host, name):
    """Checks that nothing is left of a run."""
    check(host.is_as_before(), f'{name}: the devices are as before', host.seen())
    check(not is_left(), f'{name}: no process is left')


UNTOUCHED = Host()


def untouched(status, name, said, *words):
    """Checks that these words end with the status and a line, before a device is touched."""
    host = UNTOUCHED
    done = host.run('run', *words)
    lines = done.stderr.splitlines()
    check(done.returncode == status and len(lines) == 1 and said in lines[0] and
          lines[0].startswith('rawpci run: ') and done.stdout == '', name, done)
    check(host.written() == [] and not is_left() and not os.path.exists(host.path('run')),
          f'{name}: nothing is touched', host.written())


def arguments():
    """Wrong ones."""
    some = UNTOUCHED.settings()
    usage = 'rawpci run ADDRESS... -- COMMAND'
    wrong('no argument', [usage], 'run', *some)
    wrong('no --', [usage], 'run', *some, NIC, 'true')
    wrong('no command', ['no command after --'], 'run', *some, NIC, '--')
    wrong('no address', ['no address before --'], 'run', *some, '--', 'true')
    for address in ('', 'nonsense', '03:00.8', '0000:03:20.0', '03:00.0 ', '../..', '\n'):
        untouched(2, f'the address {address!r}', 'PCI address', NIC, address, '--', 'true')
    untouched(2, 'an address twice', f'{NIC} is given twice', NIC, '3:0.0', '--', 'true')
    for driver in ('', '.', '..', 'a/b', '../../x', 'x' * 64, 'a\nb'):
        untouched(2, f'the driver {driver!r}', '--driver "', '--driver', driver, NIC, '--', 'true')
    for user in ('', ':', 'root:', ':root', 'u' * 999):
        untouched(2, f'the user {user!r}', 'USER:GROUP', '--user', user, NIC, '--', 'true')
    for user in ('no-such-user', '-1', '4294967295', '0x', '1 ', '99999999999999999999'):
        untouched(2, f'the user {user!r}', 'no such user', f'--user={user}', NIC, '--', 'true')
    for user in ('0:no-such-group', '0:4294967295', '0:0:0'):
        untouched(2, f'the user {user!r}', 'no group', '--user', user, NIC, '--', 'true')
    wrong('--json', ['--json'], 'run', *some, '--json', NIC, '--', 'true')
    wrong('an unknown setting', ['nonsense'], 'run', *some, '--set', 'nonsense=1', NIC, '--', 'true')


def commands(folder):
    """Commands that cannot be executed."""
    plain, odd = os.path.join(folder, 'plain'), os.path.join(folder, 'odd')
    for path, text, mode in ((plain, 'x', 0o644), (odd, '#!/no/such/interpreter\n', 0o755)):
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
        os.chmod(path, mode)
    untouched(127, 'no such command', 'no such command', NIC, '--', 'no-such-command')
    untouched(127, 'an empty command', 'no such command', NIC, '--', '')
    untouched(127, 'no such path', 'no such command', NIC, '--', '/no/such/command')
    untouched(126, 'not executable', 'Permission denied', NIC, '--', plain)
    untouched(126, 'a directory', 'Permission denied', NIC, '--', folder)
    host = Host()
    done = host.run('run', NIC, '--', odd)
    check(done.returncode == 127 and 'interpreter' in done.stderr and
          len(done.stderr.splitlines()) == 1, 'no such interpreter', done)
    as_before(host, 'no such interpreter')


def statuses():
    """The command's status is the status."""
    host = Host()
    for words, status in ((['true'], 0), (['sh', '-c', 'exit 3'], 3), (['sh', '-c', 'exit 255'], 255),
                          (['sh', '-c', 'kill -KILL $$'], 137), (['sh', '-c', 'kill $$'], 143)):
        done = host.run('run', NIC, '--', *words)
        check((done.returncode, done.stdout, done.stderr) == (status, '', ''), f'{words}', done)
    as_before(host, 'statuses')


def taken():
    """While the command runs, the devices have the other driver."""
    host = Host()
    look = [host.path(f'sys/bus/pci/devices/{one}/driver') for one in (NIC, DISK)]
    done = host.run('run', NIC, DISK, '--', 'readlink', *look)
    check(done.stdout.split() == ['../../drivers/vfio-pci'] * 2 and done.returncode == 0,
          'both are taken for the command', done)
    as_before(host, 'two devices')
    done = host.run('run', '--driver', 'uio_pci_generic', NIC, '--', 'readlink', look[0])
    check(done.stdout.strip().endswith('/uio_pci_generic'), '--driver', done)
    as_before(host, '--driver')
    done = host.run('run', NIC, '0000:05:00.0', '--', 'echo', 'ran')
    check(done.returncode == 125 and done.stdout == '' and '0000:05:00.0' in done.stderr and
          len(done.stderr.splitlines()) == 1, 'one of them is not there', done)
    as_before(host, 'one of them is not there')


def refused():
    """The kernel does not give a device back."""
    host = Host()
    done = host.run('run', NIC, '--', 'sh', '-c', 'echo drivers_probe > "$1"', 'sh',
                    host.path('refuse'))
    check(done.returncode == 125 and 'run rawpci recover' in done.stderr and
          len(done.stderr.splitlines()) == 1, 'EINVAL of the kernel is no wrong argument', done)


def owners():
    """--user."""
    host = Host()
    if not host.has_real_nodes():
        return
    done = host.run('run', '--user', '01000', NIC, '--', 'stat', '-c', '%u', host.path('dev/vfio/0'))
    check(done.stdout == '1000\n', '--user: a number is decimal', done)
    done = host.run('run', '--user', 'nobody:4321', NIC, '--', 'stat', '-c', '%U %g',
                    host.path('dev/vfio/0'))
    check(done.stdout == 'nobody 4321\n', '--user: the node is the user\'s', done)
    as_before(host, '--user')


def of_process(text):
    """Lines of /proc/self/status about signals."""
    return [line for line in text.splitlines() if line.startswith(('SigBlk', 'SigIgn'))]


def inheritance():
    """The command gets what rawpci got."""
    host = Host()
    done = host.run('run', NIC, '--', 'ls', '-l', '/proc/self/fd')
    links = [line.split(' -> ')[1] for line in done.stdout.splitlines() if ' -> ' in line]
    check(len(links) == 4 and not any(host.root in one or 'socket' in one for one in links),
          'the command has no descriptors of rawpci', done.stdout)
    show = ['cat', '/proc/self/status']

    def odd():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGWINCH])
        for one in (signal.SIGHUP, signal.SIGCHLD, signal.SIGTSTP):
            signal.signal(one, signal.SIG_IGN)

    direct = subprocess.run(show, stdout=subprocess.PIPE, text=True, check=True, preexec_fn=odd)
    with host.start(NIC, '--', *show, preexec_fn=odd) as process:
        said = process.communicate(timeout=tool.LIMIT)[0]
    check(of_process(said) == of_process(direct.stdout) and process.returncode == 0,
          'the command has the signal mask and dispositions that rawpci got', of_process(said),
          of_process(direct.stdout))
    with host.start(NIC, '--', 'sh', '-c', '[ ! -e /proc/self/fd/0 ] && [ ! -e /proc/self/fd/2 ]',
                    preexec_fn=lambda: (os.close(0), os.close(2))) as process:
        process.communicate(timeout=tool.LIMIT)
    check(process.returncode == 0, 'what was closed is closed for the command', process.returncode)
    as_before(host, 'inheritance')


arguments()
commands(Host().root)
statuses()
taken()
refused()
owners()
inheritance()
end()
