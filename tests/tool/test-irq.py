#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rawpci irq: interrupts of the pretend device, counted until a signal or by intervals."""
import fcntl
import json
import os
import re
import select
import signal
import subprocess
import time

from tool import COMMAND, LIMIT, check, end, run, run_on_terminal, wrong

ADDRESS = '0:4.0'
FAKE = ['--backend', 'fake', ADDRESS]
RAISE = ['--write', '0:60=1']
SOON = ['--interval', '0.05']
SUMMARY = re.compile(r'0000:00:04\.0, MSI, 1 vector, ([0-9.]+) s\n'
                     r' +vector +count +mean rate\n((?: +0 +[0-9]+ +[0-9.]+/s\n)?)'
                     r' +total +([0-9]+) +([0-9.]+)/s\n\Z')


def test_count():
    done = run('irq', *FAKE, *SOON, '--count', '4', *RAISE, '--write', '0:60.L=2,1', '--write',
               '0:60=4')
    lines = done.stdout.splitlines()
    summary = SUMMARY.search(done.stdout)
    check(done.returncode == 0 and done.stderr == '' and summary is not None and
          summary.group(3) == '3' and ' 3 ' in summary.group(2) and
          0.19 < float(summary.group(1)) < 20, 'counts each interrupt', done.stdout, done.stderr)
    check(len(lines) == 8 and re.fullmatch(r'[0-9.]+ s: 3, [0-9.]+/s \(0: [0-9.]+/s\)',
                                               lines[0]) is not None and
          re.fullmatch(r'[0-9.]+ s: 3, 0\.0/s', lines[3]) is not None,
          'a line for each interval', done.stdout)
    done = run('irq', *FAKE, *SOON, '--count', '1')
    summary = SUMMARY.search(done.stdout)
    check(done.returncode == 0 and summary is not None and summary.group(2) == '' and
          summary.group(3) == '0', 'no interrupt', done.stdout, done.stderr)
    done = run('irq', '--json', *FAKE, *SOON, '--count', '2', *RAISE)
    seen = json.loads(done.stdout)
    milliseconds = seen.pop('milliseconds')
    check(seen == {'address': '0000:00:04.0', 'type': 'MSI', 'counts': [1], 'total': 1} and
          90 <= milliseconds, 'JSON of the summary alone', done.stdout, done.stderr)


def test_answer():
    """edu raises an interrupt when a factorial is done, if its status register says so: an answer
    that computes the next one is a source that never ends."""
    done = run('irq', *FAKE, *SOON, '--count', '2', '--write', '0:20=80', '--write', '0:8=3',
               '--answer', '0:64=1', '--answer', '0:8=3')
    summary = SUMMARY.search(done.stdout)
    check(done.returncode == 0 and summary is not None and int(summary.group(3)) > 10,
          'the answer is written after each interrupt', done.stdout, done.stderr)


def test_terminal():
    said = run_on_terminal(80, 'irq', *FAKE, *SOON, '--count', '3', *RAISE)
    check(said.count('\x1b[4A\x1b[J') == 3 and
          SUMMARY.search(said) is not None and
          re.match(r'0000:00:04\.0, MSI, 1 vector, [0-9.]+ s\n +vector +count +rate\n +0 +1 ', said)
          is not None, 'a table that is refreshed', repr(said))


def test_signals():
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT:
        with subprocess.Popen([COMMAND, 'irq', *FAKE, *SOON, *RAISE], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            first = process.stdout.readline() # it counts now
            process.send_signal(number)
            said, errors = process.communicate(timeout=LIMIT)
        summary = SUMMARY.search(said)
        check(process.returncode == 0 and errors == '' and ' s: 1, ' in first and
              summary is not None and summary.group(3) == '1', f'{number.name} ends it with a summary',
              process.returncode, said, errors)
    with subprocess.Popen([COMMAND, 'irq', *FAKE, *SOON], stdout=subprocess.PIPE, text=True,
                          preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
                          ) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        lines = [process.stdout.readline() for _ in range(3)]
        process.terminate()
        said = process.communicate(timeout=LIMIT)[0]
    check(process.returncode == 0 and all(' s: 0, ' in line for line in lines) and
          SUMMARY.search(said) is not None, 'under nohup it goes on', lines, said)


def test_output():
    with open('/dev/full', 'w', encoding='ascii') as full:
        done = subprocess.run([COMMAND, 'irq', *FAKE, *SOON], stdout=full, stderr=subprocess.PIPE,
                              text=True, check=False, timeout=LIMIT)
    check(done.returncode == 1 and 'standard output' in done.stderr, 'the output is full',
          done.returncode, done.stderr)
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen([COMMAND, 'irq', *FAKE, *SOON, '--verbose'], stdout=writer,
                          stderr=subprocess.PIPE, text=True) as process:
        os.close(writer)
        errors = process.communicate(timeout=LIMIT)[1]
    check(process.returncode == 1 and 'standard output' in errors,
          'a reader that ends does not kill it with the device open', process.returncode, errors)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with subprocess.Popen([COMMAND, 'irq', *FAKE, '--interval', '0.01'], stdout=writer,
                          stderr=subprocess.PIPE, text=True) as process:
        while select.select([], [writer], [], 0.5)[1]: # until the pipe is full
            time.sleep(0.1)
        process.terminate()
        errors = process.communicate(timeout=LIMIT)[1]
    os.close(reader)
    os.close(writer)
    check(process.returncode == 1 and 'no summary' in errors and len(errors.splitlines()) == 1,
          'a reader that does not read does not keep it', process.returncode, errors)
    with subprocess.Popen([COMMAND, 'irq', *FAKE, *SOON], stdout=subprocess.PIPE, text=True,
                          preexec_fn=lambda: os.close(2)) as process:
        process.stdout.readline()
        there = os.readlink(f'/proc/{process.pid}/fd/2')
        process.terminate()
        process.communicate(timeout=LIMIT)
    check(there == '/dev/null', 'no file of the library becomes standard error', there)


def test_arguments():
    wrong('no address', ['ADDRESS'], 'irq', '--backend', 'fake')
    wrong('two addresses', ['ADDRESS'], 'irq', *FAKE, '0:5.0')
    wrong('no PCI address', ['"nonsense"'], 'irq', '--backend', 'fake', 'nonsense')
    for value in ('', '0', '-1', '+1', 'x', '1x', '1.2.3', '.', '0.001', '86401', '1e3', '0x1', ' 1',
                  'nan', '1' * 400):
        wrong(f'the interval {value!r}', [f'--interval {value}: ', 'seconds'], 'irq', *FAKE,
              '--interval', value)
    for value in ('', '0', '-1', '+1', 'x', '1x', '1.5', '1000000001', '99999999999999999999'):
        wrong(f'the count {value!r}', [f'--count {value}: '], 'irq', *FAKE, '--count', value)
    for option in '--write', '--answer':
        for value in ('', '60=1', '0:60', '0:=1', ':60=1', '0:', '6:60=1', 'x:60=1', '0000:60=1',
                      '-1:60=1', '1:0=1', '0:100000=1', '0:62=1', '0:60.x=1', '0:60=', '0:60=x',
                      '0:60=100000000', '0:60=1:', 'romm:0=1'):
            done = run('irq', *FAKE, option, value)
            check(done.returncode == 2 and done.stdout == '' and len(done.stderr.splitlines()) == 1,
                  f'{option} {value!r}', done.returncode, done.stdout, done.stderr)
        wrong(f'{option} 17 times', ['at most 16'], 'irq', *FAKE, *[option, '0:60=1'] * 17)


test_count()
test_answer()
test_terminal()
test_signals()
test_output()
test_arguments()
end()
