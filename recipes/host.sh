#!/usr/bin/env bash
# One part of a study on one host of a TPU slice, to itself: other hosts are not waited for.
#
#     recipes/host.sh I N --experiment=experiments/length_curves.py        # part I of N, on a host with four chips
#
# The table of README on a slice of four hosts is this with I from 0 to 3 and N of 4; then, where the folders of all
# parts are together, the same command without a part finds its runs done, and writes claims, table and report.
#
# Tried: four of these side by side on a machine with two cores, with runs of some seconds, and the command that ends
# them. Not tried: what it says of chips, for want of a TPU.

set -euo pipefail
part=$1 parts=$2
shift 2
# libtpu then takes the host for a slice of its own, of four chips in a square.
unset TPU_WORKER_HOSTNAMES TPU_WORKER_ID
export TPU_PROCESS_BOUNDS=1,1,1 TPU_CHIPS_PER_PROCESS_BOUNDS=2,2,1 TPU_VISIBLE_DEVICES=0,1,2,3
cd "$(dirname "$0")/.."
exec python launch.py "$@" --shard="$part/$parts"
