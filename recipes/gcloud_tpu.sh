#!/usr/bin/env bash
# A study on the four hosts of a Cloud TPU slice, each with its part of the runs; then the report, here.
#
#     gcloud compute tpus tpu-vm create table --zone=us-west4-a --accelerator-type=v5litepod-16 \
#         --version=v2-alpha-tpuv5-lite --spot
#     recipes/gcloud_tpu.sh table us-west4-a length_curves        # experiments/length_curves.py, in runs/length_curves
#
# The same command goes on from what was copied here, on a new slice too. One run on all chips instead: --worker=all and
# --command='cd posbench && python launch.py --config=configs/rope.py --config.parallel=jit --config.distributed=true'.
#
# Not tried: no TPU was at hand. Tried: what each host does (host.sh), and the last command.

set -euo pipefail
name=$1 zone=$2 study=$3
shift 3
number=http://metadata.google.internal/computeMetadata/v1/instance/attributes/agent-worker-number
on() { gcloud compute tpus tpu-vm ssh "$name" --zone="$zone" --worker="$1" --command="$2"; }
copy() { gcloud compute tpus tpu-vm scp --zone="$zone" --worker="$1" --recurse "$2" "$3"; }

mkdir -p "runs/$study"
code=$(mktemp -d)/posbench.tar.gz
git archive --prefix=posbench/ --output="$code" HEAD
copy all "$code" "$name:"
on all 'tar -xzf posbench.tar.gz && mkdir -p posbench/runs && cd posbench && pip install -r requirements.txt &&
    pip install "jax[tpu]==$(python -c "import jax; print(jax.__version__)")"'
copy all "runs/$study" "$name:posbench/runs"
flags="--experiment=experiments/$study.py $*"
on all "posbench/recipes/host.sh \$(curl -s -H Metadata-Flavor:Google $number) 4 $flags" ||
    echo 'A host has failed; what the others have is kept.'
for worker in 0 1 2 3; do copy $worker "$name:posbench/runs/$study" runs; done
python launch.py $flags
