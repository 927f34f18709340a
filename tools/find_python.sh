#!/bin/sh
# Print the first Python >= 3.12 this machine has: on PATH, else installed by pyenv. Exit 1 if there is none.
roots=$(pyenv root 2>/dev/null)
for python in python3.13 python3.12 python3 python "$roots"/versions/3.1[2-9]*/bin/python; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null || continue
    "$python" -c 'import sys; print(sys.executable)'
    exit 0
done
exit 1
