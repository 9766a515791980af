# SPDX-License-Identifier: MIT
"""A pretend host that answers (answers.c), and "rawpci run" as a process on it.

A test script is given the path of the command, and of the library that answers.
"""
import ctypes
import os
import stat
import subprocess
import sys
import time

import tool

ANSWERS = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else sys.exit('usage: TEST COMMAND LIB')
NIC = '0000:03:00.0'
DISK = '0000:04:00.0'
PR_SET_CHILD_SUBREAPER = 36
LIMIT = 30 # seconds for whatever a test waits for

# Processes that lose their parent become this process's own: it sees whether any is left.
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def until(condition):
    """Waits until condition() is true. False: it was not in time."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def is_left():
    """Has this process a child that still runs?"""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def children(process):
    """The children of a process: {name: number}."""
    found = {}
    for name in filter(str.isdecimal, os.listdir('/proc')):
        try:
            with open(f'/proc/{name}/stat', encoding='utf-8', errors='replace') as file:
                number, rest = file.read().split(' (', 1)
        except (FileNotFoundError, ProcessLookupError):
            continue
        comm, rest = rest.rsplit(') ', 1)
        if int(rest.split()[1]) == process:
            found[comm] = int(number)
    return found


class Host(tool.Host):
    """A network card and a disk, each bound to its host driver and in a group of its own."""

    def __init__(self):
        super().__init__()
        self.write('sys/bus/pci/drivers_probe', '')
        self.driver('vfio-pci')
        self.driver('uio_pci_generic')
        self.write('dev/vfio/vfio', '')
        for group, (address, driver) in enumerate(((NIC, 'e1000e'), (DISK, 'nvme'))):
            self.device(address, driver, group, config=bytes.fromhex('86801234') + bytes(252),
                        vendor='0x8086', device='0x3412')
            self.write(f'match/{address}', driver + '\n')

    def driver(self, name):
        super().driver(name)
        if name:
            self.write(f'sys/bus/pci/drivers/{name}/unbind', '')

    def has_real_nodes(self):
        """From now on nodes are character devices, which take root to make. False: it cannot be."""
        self.write('real', '')
        for group in range(2):
            self.write(f'sys/class/vfio/{group}/dev', '1:3\n')
        try:
            os.mknod(self.path('try'), stat.S_IFCHR | 0o600, os.makedev(1, 3))
        except PermissionError:
            return False
        return True

    def environment(self):
        """For a process that is to see this host."""
        return {'LD_PRELOAD': ANSWERS, 'RAWPCI_TEST_HOST': self.root,
                'ASAN_OPTIONS': 'verify_asan_link_order=0:' + os.environ.get('ASAN_OPTIONS', '')}

    def bound(self, address):
        """The driver of a device, and its override."""
        where = self.path(f'sys/bus/pci/devices/{address}/')
        driver = os.path.basename(os.readlink(where + 'driver')) \
            if os.path.lexists(where + 'driver') else None
        with open(where + 'driver_override', encoding='ascii') as file:
            return driver, file.read().strip()

    def recorded(self, address):
        """Is there a record of the device?"""
        return os.path.exists(self.path(f'run/{address}'))

    def is_as_before(self):
        """Both devices have their host drivers, and nothing is left of the library's."""
        return (self.bound(NIC) == ('e1000e', '(null)') and self.bound(DISK) == ('nvme', '(null)')
                and not self.recorded(NIC) and not self.recorded(DISK))

    def seen(self):
        """What is_as_before() has looked at."""
        return self.bound(NIC), self.bound(DISK), self.recorded(NIC), self.recorded(DISK)

    def written(self):
        """What was written to the files of sysfs."""
        try:
            with open(self.path('written'), encoding='ascii') as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def words(self, subcommand, *words):
        """The command's words."""
        return [tool.COMMAND, subcommand, *self.settings(), *words]

    def run(self, subcommand, *words):
        """Runs it, as tool.run() does."""
        return tool.run(subcommand, *self.settings(), *words, **self.environment())

    def start(self, *words, **options):
        """Starts "rawpci run"."""
        return subprocess.Popen(self.words('run', *words), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, **self.environment()}, **options)
