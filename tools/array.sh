#!/usr/bin/env bash
#SBATCH --job-name=bayes-labor
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
# Many fits on a cluster, one for each line of a list:
#   sbatch --array=1-$(grep -c . fits.txt) tools/array.sh fits.txt
# A line is what follows `bayes-labor fit`, the run folder first:
#   runs/2019  joint-production pay.csv --formula "experience + seniority" --internal seniority --where "year == 2019"
# A task that was ended (out of time, a node that went away) and is queued again goes on with what it has drawn; one that is
# finished says so. Nothing in a line is evaluated: quotes only keep words together. Exit codes are those of `bayes-labor`.
set -euo pipefail
list=${1:?the list of fits}
task=${SLURM_ARRAY_TASK_ID:-${SGE_TASK_ID:-${PBS_ARRAY_INDEX:-}}}
[ -n "$task" ] || { echo "no number of a task: submit this script as an array" >&2; exit 2; }
line=$(grep . "$list" | sed -n "${task}p")
[ -n "$line" ] || { echo "$list has no line $task" >&2; exit 2; }
mapfile -d '' -t words < <(xargs printf '%s\0' <<< "$line")
run=${words[0]}
export OMP_WAIT_POLICY=passive
if [ -f "$run/run.json" ]; then
    exec bayes-labor resume "$run"
fi
exec bayes-labor fit "${words[@]:1}" --run "$run"
