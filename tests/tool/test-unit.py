#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The unit rawpci-recover.service: systemd finds nothing wrong with it."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from tool import COMMAND, check, end, skip_all

if not shutil.which('systemd-analyze'):
    skip_all('no systemd-analyze')
with open(sys.argv[2], encoding='ascii') as file:
    unit = file.read()
check('@' not in unit and re.search(r'^ExecStart=/\S+/rawpci recover$', unit, re.M) and
      re.search(r'ExecStopPost=\+/\S+/rawpci recover$', unit, re.M), 'paths are filled in', unit)
with tempfile.TemporaryDirectory() as folder:
    # The command need not be installed yet.
    path = os.path.join(folder, os.path.basename(sys.argv[2]))
    with open(path, 'w', encoding='ascii') as file:
        file.write(re.sub(r'/\S+/rawpci recover', COMMAND + ' recover', unit))
    done = subprocess.run(['systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', path],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
check(done.returncode == 0 and done.stdout == '', 'systemd-analyze verify', done.stdout)
end()
