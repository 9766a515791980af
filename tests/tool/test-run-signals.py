#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rawpci run, on a pretend host: signals pass on, from other processes and from a terminal."""
import os
import pty
import signal
import sys
import time

from answering import DISK, NIC, Host, children, is_left, until
from tool import check, end

KEYS = 10 # a signal that came twice may look like one
PASSED = ['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT']
# Says which signals come. Ends with status 9 after SIGTERM.
RECEIVER = [sys.executable, '-c', f"""
import os, signal
wanted = [getattr(signal, name) for name in {PASSED + ['SIGTERM']}]
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
os.write(1, b'ready\\n')
while True:
    number = signal.sigwaitinfo(wanted).si_signo
    os.write(1, signal.Signals(number).name.encode() + b'\\n')
    if number == signal.SIGTERM:
        os._exit(9)
"""]


def state(process):
    """As ps shows it: T is stopped."""
    with open(f'/proc/{process}/stat', encoding='utf-8') as file:
        return file.read().rsplit(') ', 1)[1][0]


def command_of(process):
    """The command's process."""
    found = children(process)
    return next(number for name, number in found.items() if name != 'rawpci-keeper')


def as_before(host, name):
    """Checks that nothing is left of a run."""
    check(host.is_as_before(), f'{name}: the devices are as before', host.seen())
    check(until(lambda: not is_left()), f'{name}: no process is left')


def passing():
    """From another process, to rawpci alone."""
    host = Host()
    with host.start(NIC, '--', *RECEIVER) as process:
        check(process.stdout.readline() == 'ready\n', 'the command runs')
        for name in PASSED + ['SIGTERM']:
            process.send_signal(getattr(signal, name))
            check(process.stdout.readline() == name + '\n', f'{name} is passed on, once')
        said = process.communicate(timeout=30)
    check(process.returncode == 9 and said == ('', ''), 'the status is the command\'s', said,
          process.returncode)
    as_before(host, 'passed on')


def stopping():
    """SIGTSTP and SIGCONT to rawpci alone."""
    host = Host()
    with host.start(NIC, '--', 'sleep', '60', preexec_fn=os.setpgrp) as process:
        until(lambda: 'sleep' in children(process.pid))
        command = children(process.pid)['sleep']
        process.send_signal(signal.SIGTSTP)
        check(until(lambda: state(command) == 'T' and state(process.pid) == 'T'),
              'SIGTSTP stops the command and rawpci', state(command), state(process.pid))
        process.send_signal(signal.SIGCONT)
        check(until(lambda: state(command) == 'S' and state(process.pid) == 'S'),
              'SIGCONT lets both go on', state(command), state(process.pid))
        os.kill(command, signal.SIGSTOP)
        until(lambda: state(command) == 'T')
        time.sleep(0.1)
        check(state(process.pid) == 'S', 'SIGSTOP to the command stops it alone')
        os.kill(command, signal.SIGKILL)
        check(process.wait(30) == 137, 'it can be killed while it is stopped')
    as_before(host, 'stopped')


def early():
    """A signal before the command runs."""
    host = Host()
    host.write('slow', '100')
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        before = len(host.written())
        with host.start(NIC, DISK, '--', 'echo', 'ran') as process:
            until(lambda: len(host.written()) > before)
            process.send_signal(number)
            said = process.communicate(timeout=30)
        check(process.returncode == 128 + number and said == ('', ''),
              f'{number.name} while devices are taken: no command runs', process.returncode, said)
        as_before(host, number.name)
    before = len(host.written())
    with host.start(NIC, '--', 'echo', 'ran', preexec_fn=lambda: signal.signal(
            signal.SIGHUP, signal.SIG_IGN)) as process:
        until(lambda: len(host.written()) > before)
        process.send_signal(signal.SIGHUP)
        said = process.communicate(timeout=30)
    check(process.returncode == 0 and said == ('ran\n', ''), 'an ignored one changes nothing',
          process.returncode, said)


def shell(host, words, report, orders):
    """What a shell does for a job, as the leader of a terminal's session. Never returns."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        until(lambda: os.tcgetpgrp(0) == os.getpid())
        os.execve(words[0], words, {**os.environ, **host.environment()})
    try:
        os.setpgid(job, job)
    except PermissionError: # it has done so itself, and runs the command
        pass
    os.tcsetpgrp(0, job)
    while True:
        status = os.waitpid(job, os.WUNTRACED)[1]
        os.write(report, f'{job} {status}\n'.encode())
        if not os.WIFSTOPPED(status):
            os._exit(0)
        os.tcsetpgrp(0, os.getpid())
        os.read(orders, 1)
        os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)


class Terminal:
    """A job on a terminal of its own."""

    def __init__(self, host, *words):
        said, report = os.pipe()
        orders, self.orders = os.pipe()
        self.shell, self.master = pty.fork()
        if self.shell == 0:
            shell(host, host.words('run', *words), report, orders)
        os.close(report)
        os.close(orders)
        self.reports = os.fdopen(said)
        self.text = ''

    def shows(self, text, times=1):
        """Waits until the terminal shows the text so often."""
        while self.text.count(text) < times:
            try:
                self.text += os.read(self.master, 4096).decode(errors='replace')
            except OSError:
                return False
        return True

    def type(self, text):
        """Types it."""
        os.write(self.master, text)

    def report(self):
        """The job, and the status of which its shell hears next."""
        job, status = self.reports.readline().split()
        return int(job), int(status)

    def go_on(self):
        """The shell's fg."""
        os.write(self.orders, b'x')

    def end(self):
        """The shell has ended."""
        os.waitpid(self.shell, 0)
        for fd in (self.master, self.orders):
            os.close(fd)
        self.reports.close()


def terminal():
    """Keys of a terminal."""
    host = Host()
    on = Terminal(host, NIC, '--', *RECEIVER)
    check(on.shows('ready'), 'the command runs on a terminal', on.text)
    for times in (1, 2):
        for _ in range(KEYS):
            on.type(b'\x03')
            time.sleep(0.05)
        on.shows('SIGINT', times * KEYS)
        on.type(b'\x1a')
        job, status = on.report()
        command = command_of(job)
        check(os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGTSTP,
              'the shell sees that ^Z stops the job', status)
        check(state(command) == 'T' and state(children(job)['rawpci-keeper']) == 'S',
              'the command is stopped, the keeper is not')
        on.go_on()
        check(until(lambda: state(command) == 'S' and os.tcgetpgrp(on.master) == job),
              'and goes on', state(command))
    on.type(b'\x1c')
    check(on.shows('SIGQUIT'), '^\\', on.text)
    os.kill(job, signal.SIGTERM)
    check(os.waitstatus_to_exitcode(on.report()[1]) == 9, 'the status is the command\'s')
    on.shows('never shown')
    check(on.text.count('SIGINT') == 2 * KEYS and on.text.count('SIGQUIT') == 1 and
          on.text.endswith('SIGTERM\r\n'), 'each key comes once, and nothing else is shown', on.text)
    on.end()
    as_before(host, 'terminal')


def hang_up():
    """The terminal goes away."""
    host = Host()
    on = Terminal(host, NIC, '--', 'sleep', '60')
    until(lambda: host.bound(NIC)[0] == 'vfio-pci')
    time.sleep(0.2)
    os.close(on.master)
    on.master = os.open('/dev/null', os.O_RDONLY)
    check(until(host.is_as_before), 'a hang-up ends the command', host.seen())
    on.end()
    as_before(host, 'hang-up')


def on_terminal(host, *words):
    """A run that is the leader of the terminal's session, as under ssh -t or tmux. No shell."""
    words = host.words('run', *words)
    process, master = pty.fork()
    if process == 0:
        os.execve(words[0], words, {**os.environ, **host.environment()})
    return process, master


def status_of(process):
    """How it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def leader():
    """The terminal goes away: SIGHUP comes to the leader of the session alone."""
    host = Host()
    process, master = on_terminal(host, NIC, '--', 'sleep', '60')
    until(lambda: 'sleep' in children(process))
    time.sleep(0.2)
    os.close(master)
    check(status_of(process) == 129, 'a hang-up reaches the command of a session\'s leader')
    as_before(host, 'leader')


def other_group():
    """A command that has left the process group gets the keys, too."""
    for words, status in ((['timeout', '60', 'sleep', '60'], (130, 124)),
                          (['setsid', 'sleep', '60'], (130,))):
        host = Host()
        process, master = on_terminal(host, NIC, '--', *words)
        # timeout(1) has a child, which setsid(1) has not: it has become sleep.
        until(lambda: os.getpgid(command_of(process)) != process
              if len(children(process)) > 1 else False)
        time.sleep(0.2)
        os.write(master, b'\x03')
        check(status_of(process) in status, f'^C reaches {words[0]}, which has a group of its own')
        os.close(master)
        as_before(host, words[0])


def before_command():
    """^C when the devices are taken, and the command's process is not made yet."""
    host = Host()
    host.write('slow-pipe2', '300')
    process, master = on_terminal(host, NIC, '--', 'sleep', '60')
    until(lambda: 'pipe2 ' in host.written())
    os.write(master, b'\x03')
    check(status_of(process) == 130, '^C before the command is not lost')
    os.close(master)
    as_before(host, 'before the command')


def before_exec():
    """^Z when the command's process has not executed its program yet."""
    host = Host()
    host.write('slow-execvp', '1000')
    on = Terminal(host, NIC, '--', 'sleep', '60')
    until(lambda: 'execvp ' in host.written())
    on.type(b'\x1a')
    job, status = on.report()
    check(os.WIFSTOPPED(status), 'the shell sees that ^Z stops the job', status)
    on.go_on()
    until(lambda: 'sleep' in children(job))
    on.type(b'\x03')
    check(os.waitstatus_to_exitcode(on.report()[1]) == 130, 'and it goes on')
    on.end()
    as_before(host, 'before exec')


def stopped_alone():
    """rawpci has stopped with its command, which then ends."""
    host = Host()
    with host.start(NIC, '--', 'sleep', '60', preexec_fn=os.setpgrp) as process:
        until(lambda: 'sleep' in children(process.pid))
        command = children(process.pid)['sleep']
        time.sleep(0.2)
        os.kill(command, signal.SIGTSTP)
        until(lambda: state(process.pid) == 'T')
        os.kill(command, signal.SIGKILL)
        check(until(host.is_as_before), 'the devices come back though rawpci was stopped',
              host.seen(), state(process.pid))
        process.send_signal(signal.SIGCONT)
        check(process.wait(30) == 137, 'and the status is the command\'s', process.returncode)
    as_before(host, 'stopped alone')


passing()
stopping()
early()
terminal()
hang_up()
leader()
other_group()
before_command()
before_exec()
stopped_alone()
end()
