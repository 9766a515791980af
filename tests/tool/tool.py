# SPDX-License-Identifier: MIT
"""What the tests of the command share: running it, a tree of files that stands for sysfs, and TAP.

A test script is given the path of the command. It calls check() for each thing that it looks at, and
end() at its end.
"""
import atexit
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from fcntl import ioctl

COMMAND = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else sys.exit('usage: TEST COMMAND')
# Seconds for one run of the command. With a sanitizer, libpciaccess takes long to read the devices of
# a vendor that has many, as Intel; the trees here have vendors with few.
LIMIT = 240

# Under nohup, or behind a shell's &, signals are ignored, and every program that is started inherits
# that.
for _number in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT:
    signal.signal(_number, signal.SIG_DFL)

_checks = _failures = 0


def check(good, name, *seen):
    """One line of TAP, with what was seen if it is not good."""
    global _checks, _failures
    _checks += 1
    print(f"{'ok' if good else 'not ok'} {_checks} - {name}", flush=True)
    if not good:
        _failures += 1
        for one in seen:
            print('\n'.join('#   ' + line for line in str(one).splitlines()), flush=True)
    return good


def end():
    """The plan, and the exit status."""
    print(f'1..{_checks}')
    sys.exit(1 if _failures or not _checks else 0)


def skip_all(why):
    """The test cannot run here."""
    print(f'1..0 # SKIP {why}')
    sys.exit(77)


def _environment(more):
    env = {name: value for name, value in os.environ.items()
           if name not in ('COLUMNS', 'NO_COLOR', 'RAWPCI_BACKEND', 'TERM')}
    env.update({'TERM': 'xterm', **more})
    return env


def run(*words, **environment):
    """Runs the command. The result has returncode, stdout and stderr."""
    return subprocess.run([COMMAND, *words], env=_environment(environment), text=True, check=False,
                          errors='surrogateescape', stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT)


def run_on_terminal(columns, *words, **environment):
    """What the command prints on a terminal that is so many columns wide."""
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    with subprocess.Popen([COMMAND, *words], env=_environment(environment), stdout=slave,
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        os.close(slave)
        said = b''
        while True:
            try:
                some = os.read(master, 65536)
            except OSError: # the other end is closed
                break
            if not some:
                break
            said += some
        process.communicate(timeout=LIMIT)
    os.close(master)
    return said.decode(errors='replace').replace('\r\n', '\n')


def wrong(name, named, *words, **environment):
    """Checks that the command refuses these words: exit status 2, nothing on standard output, and
    one line that names what is wrong. named: texts that the line has."""
    done = run(*words, **environment)
    lines = done.stderr.splitlines()
    check(done.returncode == 2 and done.stdout == '' and len(lines) == 1 and
          lines[0].startswith(f'rawpci {words[0]}: ') and all(one in lines[0] for one in named),
          name, f'exit status {done.returncode}', done.stdout, done.stderr)


class Host:
    """A tree of files that stands for sysfs, and directories for what the library keeps."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix='rawpci-tool-')
        atexit.register(shutil.rmtree, self.root)
        self.driver(None)

    def path(self, name):
        """The path of a file of the tree."""
        return os.path.join(self.root, name)

    def write(self, name, text):
        """Writes a file, with the directories above it."""
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def driver(self, name):
        """The kernel has this driver."""
        os.makedirs(self.path(f'sys/bus/pci/drivers/{name or ""}'), exist_ok=True)

    def device(self, address, driver=None, group=None, config=None, **files):
        """Adds a device. files: their texts."""
        where = f'sys/bus/pci/devices/{address}/'
        known = {'vendor': '0x1234', 'device': '0x11e8', 'class': '0x00ff00', 'revision': '0x10',
                 'subsystem_vendor': '0x1af4', 'subsystem_device': '0x1100'}
        for name, text in {**known, **files}.items():
            self.write(where + name, text + '\n')
        self.write(where + 'driver_override', '(null)\n')
        self.write(where + 'config', config or bytes(64))
        if driver:
            self.driver(driver)
            os.symlink(f'../../drivers/{driver}', self.path(where + 'driver'))
        if group is not None:
            os.makedirs(self.path(f'sys/kernel/iommu_groups/{group}/devices'), exist_ok=True)
            os.symlink(f'../../../../kernel/iommu_groups/{group}', self.path(where + 'iommu_group'))
            os.symlink(f'../../../../bus/pci/devices/{address}',
                       self.path(f'sys/kernel/iommu_groups/{group}/devices/{address}'))

    def settings(self):
        """The options that make the command look at this tree alone."""
        words = []
        for name, path in (('sysfs.dir', 'sys'), ('run.dir', 'run'), ('uio.dir', 'dev'),
                           ('vfio.dir', 'dev/vfio'), ('vfio.iommu', 'dev/iommu')):
            words += ['--set', f'{name}={self.path(path)}']
        return words
