#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rawpci run, on a pretend host: the command, rawpci or both are killed, at any time."""
import contextlib
import os
import signal
import sys
import time

from answering import DISK, NIC, Host, children, is_left, until
from tool import check, end

OTHER = os.open('/dev/null', os.O_RDONLY) # that rawpci inherits
SLEEP = ['sleep', '60']
# Has the node open, and a child that still has it open for a time.
HOLDER = [sys.executable, '-c', """
import os, sys, time
node = os.open(sys.argv[1], os.O_RDWR)
if os.fork() == 0:
    for fd in range(3):
        os.close(fd)
    time.sleep(float(sys.argv[2]))
"""]


def kill(process):
    """At once, unless it has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def started(host, *words):
    """A run, its command and its keeper."""
    process = host.start(NIC, DISK, '--', *words, pass_fds=[OTHER])
    until(lambda: words[0] in children(process.pid) and host.bound(DISK)[0] == 'vfio-pci')
    found = children(process.pid)
    return process, found[words[0]], found['rawpci-keeper']


def as_before(host, process, name):
    """Checks that all is as before in the end, and that nothing was said."""
    check(until(lambda: host.is_as_before() and not is_left()), f'{name}: all is as before',
          host.seen())
    said = process.communicate(timeout=30)
    check(said == ('', ''), f'{name}: nothing is said', said)


def one_by_one():
    """Each of the three."""
    host = Host()
    process, command, keeper = started(host, *SLEEP)
    has = os.listdir(f'/proc/{keeper}/fd')
    check(set(has) <= set('01234'), 'the keeper has its socket and the command\'s pidfd', has)
    kill(command)
    check(process.wait(30) == 137, 'the command is killed')
    as_before(host, process, 'the command')

    process, command, keeper = started(host, *SLEEP)
    kill(process.pid)
    process.wait(30)
    time.sleep(0.1)
    check(host.bound(NIC)[0] == 'vfio-pci', 'rawpci is killed: the command still has the devices')
    done = host.run('recover')
    check(done.returncode == 0 and host.bound(NIC)[0] == 'vfio-pci', 'recover leaves them to it',
          done)
    kill(command)
    as_before(host, process, 'rawpci')

    process, command, keeper = started(host, *SLEEP)
    kill(process.pid)
    kill(command)
    process.wait(30)
    as_before(host, process, 'both')

    process, command, keeper = started(host, *SLEEP)
    kill(keeper)
    time.sleep(0.1)
    kill(command)
    check(process.wait(30) == 137, 'the keeper is killed: the command\'s status')
    as_before(host, process, 'the keeper')


def all_three():
    """Nobody is left to return the devices."""
    host = Host()
    process, command, keeper = started(host, *SLEEP)
    for one in (keeper, process.pid, command):
        kill(one)
    process.communicate(timeout=30)
    check(host.recorded(NIC) and host.bound(NIC)[0] == 'vfio-pci', 'all three are killed')
    done = host.run('recover')
    check(done.returncode == 0, 'rawpci recover', done)
    check(host.is_as_before() and not is_left(), 'recover returns the devices', host.seen())


def deaf_keeper():
    """What a terminal and a service manager send does not end the keeper."""
    host = Host()
    process, command, keeper = started(host, *SLEEP)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        os.kill(keeper, number)
    kill(process.pid)
    kill(command)
    process.wait(30)
    as_before(host, process, 'signals to the keeper')


def stopped_keeper():
    """rawpci does not wait for a keeper that is stopped."""
    host = Host()
    process, command, keeper = started(host, *SLEEP)
    os.kill(keeper, signal.SIGSTOP)
    kill(command)
    check(process.wait(30) == 137, 'the keeper is stopped: the command\'s status')
    as_before(host, process, 'a stopped keeper')


def holders():
    """A child of the command still has a node open."""
    host = Host()
    with host.start(NIC, '--', *HOLDER, host.path('dev/vfio/0'), '1') as process:
        said = process.communicate(timeout=30)
    check(host.bound(NIC)[0] == 'vfio-pci', 'a child has the node open: the device stays', said)
    check(process.returncode == 125 and 'dev/vfio/0' in said[1] and
          len(said[1].splitlines()) == 2 and 'when they are free' in said[1], 'rawpci says so', process.returncode, said)
    check(until(lambda: host.is_as_before() and not is_left()), 'the device comes back after it',
          host.seen())


def holder_of_one():
    """rawpci is killed, and a child of the command still has the first of two nodes open."""
    host = Host()
    process = host.start(NIC, DISK, '--', *HOLDER, host.path('dev/vfio/0'), '2')
    until(lambda: any('python' in name for name in children(process.pid)))
    kill(process.pid)
    process.wait(30)
    check(until(lambda: host.bound(DISK)[0] == 'nvme') and host.bound(NIC)[0] == 'vfio-pci',
          'the keeper returns the device that is free', host.seen())
    check(until(lambda: host.is_as_before() and not is_left()), 'and then the other one',
          host.seen())


def any_time(count):
    """At moments spread over the run's length."""
    host = Host()
    host.write('slow', '3')
    words = ['sh', '-c', 'sleep 0.05']
    start = time.monotonic()
    host.start(NIC, DISK, '--', *words).communicate(timeout=30)
    length = (time.monotonic() - start) * 1.1
    left = bad = 0
    for i in range(count):
        process = host.start(NIC, DISK, '--', *words)
        time.sleep(length * i / count)
        found = children(process.pid)
        victims = [number for name, number in found.items() if name == 'sh']
        if i % 3 != 0:
            victims.append(process.pid)
        if i % 3 == 1:
            victims = victims[-1:]
        for victim in victims:
            kill(victim)
        process.communicate(timeout=30)
        left += not host.is_as_before()
        if not until(lambda: host.is_as_before() and not is_left()):
            bad += 1
            check(False, f'kill {i} of {count}', host.seen(), found, victims)
            host.run('recover')
    check(bad == 0, f'{count} kills over {length:.2f} s, {left} of which left it to the keeper')


one_by_one()
all_three()
deaf_keeper()
stopped_keeper()
holders()
holder_of_one()
any_time(45)
end()
