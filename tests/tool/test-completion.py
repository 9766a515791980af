#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The completion for bash: what it offers for words, as bash would split them."""
import os
import pty
import re
import shutil
import subprocess
import sys

from tool import COMMAND, Host, check, end, run, skip_all

SCRIPT = os.path.abspath(sys.argv[2])
RESOURCE = ('0x00000000fe000000 0x00000000fe003fff 0x0000000000040200\n' +
            '0x0000000000000000 0x0000000000000000 0x0000000000000000\n' +
            '0x000000000000e000 0x000000000000e01f 0x0000000000040101\n' +
            '0x0000000000000000 0x0000000000000000 0x0000000000000000\n' * 3 +
            '0x00000000fe100000 0x00000000fe11ffff 0x0000000000046200\n' +
            '0x0000000000000000 0x0000000000000000 0x0000000000000000\n' * 6)


def split(word):
    """As bash does at the letters of COMP_WORDBREAKS."""
    return [part for part in re.split('([:=]+)', word) if part] or ['']


def offered(*words, breaks=' \t\n"\'><=;|&(:'):
    """What is offered for the last word."""
    parts = [COMMAND]
    for word in words:
        parts += split(word) if ':' in breaks else [word]
    program = ('source "$1"; COMP_WORDBREAKS=$2; shift 2; COMP_WORDS=("$@")\n'
               'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _rawpci "$1" "${COMP_WORDS[-1]}" ""\n'
               '[ "${#COMPREPLY[@]}" = 0 ] || printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(['bash', '-c', program, 'bash', SCRIPT, breaks, *parts], text=True,
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return sorted(done.stdout.splitlines()) + done.stderr.splitlines()


def offers(name, want, *words, **options):
    seen = offered(*words, **options)
    check(seen == sorted(want), name, 'offered: ' + ' '.join(seen), 'wanted: ' + ' '.join(want))


if not shutil.which('bash'):
    skip_all('no bash')
host = Host()
for address in '0000:03:00.0', '0000:03:00.1', '10000:e0:00.0':
    host.device(address, resource=RESOURCE)
tree = ['--set', 'sysfs.dir=' + host.path('sys')]
names = [line.split()[0] for line in run('--help').stdout.splitlines() if re.match('  [a-z]', line)]
long = ['0000:03:00.0', '0000:03:00.1', '10000:e0:00.0']

offers('all subcommands', names + ['--help', '--version'], '')
offers('a subcommand', ['list'], 'li')
offers('no subcommand', [], 'x')
for subcommand in names:
    said = run(subcommand, '--help').stdout
    offers(f'the options of {subcommand}', re.findall(r'^ +(--[a-z]+)', said, re.MULTILINE),
           subcommand, '--')
offers('an option', ['--insist'], 'irq', '--ins')
offers('backends', ['vfio', 'uio', 'sysfs', 'fake'], 'explain', '--backend', '')
offers('a backend', ['sysfs'], 'explain', '--backend=s')
offers('a backend, unsplit', ['--backend=sysfs'], 'explain', '--backend=s', breaks=' ')
offers('settings', ['run.dir='], 'explain', '--set', 'run')
offers('nothing for a number', [], 'irq', '--count', '')
for subcommand in 'config', 'mmio', 'irq', 'explain', 'run', 'take', 'return':
    offers(f'the addresses of {subcommand}', long, subcommand, *tree, '')
offers('addresses in both forms', ['0000:03:00.0', '0000:03:00.1', '03:00.0', '03:00.1'], 'irq',
       *tree, '0')
offers('the rest of a short address', ['00.0', '00.1'], 'irq', *tree, '03:')
offers('the rest of a long address', ['00.1'], 'irq', *tree, '0000:03:00.1')
offers('a long address, unsplit', ['0000:03:00.1'], 'irq', *tree, '0000:03:00.1', breaks=' ')
offers('the second address', ['00.1'], 'take', *tree, '0000:03:00.0', '0000:03:00.1')
offers('one address alone', [], 'irq', *tree, '0000:03:00.0', '')
offers('addresses after --detach', long, 'irq', '--detach', *tree, '')
offers('no addresses for list', [], 'list', *tree, '')
offers('the BARs of the device', ['0', '2', 'rom'], 'mmio', *tree, '03:00.0', '')
offers('the BARs of an unknown device', ['0', '1', '2', '3', '4', '5', 'rom'], 'mmio', *tree,
       '0000:04:00.0', '')
mark = host.path('mark')
host.device('0000:06:00.0', resource=f'0x0 a[$(touch${{IFS}}{mark})] 0x0')
offered('mmio', *tree, '06:00.0', '')
check(not os.path.exists(mark), 'text of the host is not run')
shutil.rmtree(host.path('sys/bus/pci/devices/0000:06:00.0'))
offers('nothing for an offset', [], 'mmio', *tree, '03:00.0', '0', '')
offers('registers', ['INTERRUPT_LINE', 'INTERRUPT_PIN'], 'config', *tree, '03:00.0', 'INT')
offers('registers in small letters', ['cap_msi', 'cap_msix'], 'config', *tree, '03:00.0', 'COMMAND=1',
       'cap_ms')
check(len(offered('config', *tree, '03:00.0', '')) == len(run('config', '--registers').stdout.
                                                         splitlines()) - 1, 'all registers')
offers('a command', ['basename'], 'run', *tree, '03:00.0', '--', 'basenam')
offers('a file', [SCRIPT], 'run', *tree, '03:00.0', '--', 'cat', SCRIPT)


def completed(folder, typed):
    """What a shell has on its line after these letters, a tabulator and Enter: its output."""
    process, master = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ['PATH'] = os.path.dirname(COMMAND) + ':' + os.environ['PATH']
        os.execvp('bash', ['bash', '--norc', '--noprofile', '-i'])
    said = b''
    os.write(master, f'source {SCRIPT}\n{typed}\t\nexit\n'.encode())
    while True:
        try:
            said += os.read(master, 4096)
        except OSError: # it has ended
            break
    os.waitpid(process, 0)
    os.close(master)
    return said.decode(errors='replace')


folder = host.path('files')
os.makedirs(folder)
with open(f'{folder}/sp;touch ran', 'w', encoding='ascii'):
    pass
said = completed(folder, 'rawpci run ff:1f.7 -- cat s')
check(os.listdir(folder) == ['sp;touch ran'] and 'sp\\;touch\\ ran' in said,
      "a file's name is quoted", os.listdir(folder), said)
end()
