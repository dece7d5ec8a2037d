#!/usr/bin/env bash
# slurm/job.sh - what all jobs have in common; the *.sbatch files source it.
#
#     run_ranks COMMAND [options]     isogloss on all ranks of the job; its exit code
#     end_job CODE                    ends the job with it; with 75 the job queues itself again
#
# Sites differ in launch/site.env only, which is sourced here (see launch/site.env.example).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=slurm/words.sh
source "$root/slurm/words.sh"

export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
export NCCL_DEBUG=${NCCL_DEBUG:-WARN}

site=${ISOGLOSS_SITE:-$root/launch/site.env}
if [[ -f $site ]]; then
    set +eu # the functions behind `module` are written for shells that forgive
    # shellcheck source=/dev/null
    source "$site"
    set -eu
fi

program=${ISOGLOSS_PROGRAM:-$root/build/release/bin/isogloss}

# How often a job may queue itself again, so that no fault makes it go round for ever.
max_restarts=${ISOGLOSS_MAX_RESTARTS:-100}
restarts=${SLURM_RESTART_COUNT:-0}

say() {
    printf '%s job %s: %s\n' "$(date +%H:%M:%S)" "$SLURM_JOB_ID" "$*"
}

fail() {
    say "error: $*" >&2
    exit 2
}

[[ -x $program ]] || fail "$program is not there; build it, or name it in ISOGLOSS_PROGRAM"

# scancel, preemption and `scontrol requeue` send SIGTERM to this shell, too. It must outlive the
# ranks, which write a checkpoint: with the end of the batch script Slurm ends the job.
trap 'say "SIGTERM: the ranks have it, too"' TERM

# The name under which scontrol knows this job: the id of an array's last task is that of the whole
# array, and to queue that again would be to queue all of its tasks.
job_name() {
    if [[ -n ${SLURM_ARRAY_JOB_ID:-} ]]; then
        echo "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
    else
        echo "$SLURM_JOB_ID"
    fi
}

# job_field NAME: what Slurm knows of this job.
job_field() {
    scontrol show job "$(job_name)" | sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" | head -n 1
}

# When the job ends, for the program's own clock: Slurm before 23.02 does not say.
if SLURM_JOB_END_TIME=$(date -d "$(job_field EndTime)" +%s 2>/dev/null); then
    export SLURM_JOB_END_TIME
else # there is no limit
    unset SLURM_JOB_END_TIME
fi

run_ranks() {
    local status=0 mark more options=(--mpi=pmix --kill-on-bad-exit=1)
    mark=$SLURM_SUBMIT_DIR/.isogloss-$SLURM_JOB_ID-$restarts
    # Since 22.05 srun does not take this from the job: the threads of a rank would share a core.
    [[ -z ${SLURM_CPUS_PER_TASK:-} ]] || options+=("--cpus-per-task=$SLURM_CPUS_PER_TASK")
    read -r -a more <<<"${ISOGLOSS_SRUN:-}"
    say "restart $restarts of at most $max_restarts; ranks: ${SLURM_NTASKS:-1}, of threads:" \
        "$OMP_NUM_THREADS, on nodes: $SLURM_JOB_NODELIST"
    say "isogloss $*"
    srun "${options[@]}" "${more[@]}" "$root/slurm/rank" "$mark" "$program" "$@" || status=$?
    if [[ -s $mark.failed ]]; then
        status=$(<"$mark.failed")
    elif [[ -e $mark && $status -eq 0 ]]; then
        status=75
    fi
    rm -f "$mark" "$mark.failed"
    return "$status"
}

meaning_of() {
    case $1 in
        0) echo "done" ;;
        1) echo "a fault of Isogloss; please report it with this log" ;;
        2) echo "options or configuration, see above" ;;
        3) echo "a file that was read is bad, see above" ;;
        4) echo "the machine (MPI, GPU, memory, disk), see above" ;;
        75) echo "stopped on request, all that was done is kept" ;;
        76) echo "loss or gradient not finite; resume with a lower learning rate" ;;
        134 | 136 | 139) echo "a crash (signal $(($1 - 128))); please report it with this log" ;;
        137) echo "ended by signal 9; memory may have run out, see above" ;;
        143) echo "ended by signal 15" ;;
        *) echo "see above" ;;
    esac
}

# Only 75 puts the job back into the queue, and only while it runs: who cancels it wants its end.
end_job() {
    local code=$1 state
    trap '' TERM
    say "exit code $code: $(meaning_of "$code") (docs/slurm.md)"
    [[ $code -eq 75 ]] || exit "$code"
    state=$(job_field JobState)
    if [[ $state != RUNNING ]]; then
        say "it is $state: not queued again from here; to go on, submit it again"
    elif [[ $restarts -ge $max_restarts ]]; then
        say "$restarts restarts, all that ISOGLOSS_MAX_RESTARTS allows: to go on, submit it again"
    elif scontrol requeue "$(job_name)"; then
        say "queued again"
    else
        say "Slurm refuses to queue it again: to go on, submit it again"
    fi
    exit 75
}
