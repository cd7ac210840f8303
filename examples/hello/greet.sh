#!/bin/sh
# Greets every name on stdin.
while read -r name; do
  echo "$GREETING, $name!"
done
