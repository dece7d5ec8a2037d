# tests/slurm/queue_test.py - claims about jobs in a queue: the real sbatch files in a real Slurm, on emulated nodes.
#
# Where a claim is about something that comes in mid-run, the test stops the ranks (SIGSTOP), lets it come, and sets
# them going again: so a run of a second is long enough to be signalled, and none has to be waited for.

import json
import os
import re
import signal
import time

from support import PLAN, PROBE, RUN, STEPS, Bench, QueueTest, main, rank_and_node, shards, wait_until

TWO_BY_TWO = ("--nodes=2", "--ntasks-per-node=2", "--cpus-per-task=1")


def setUpModule():
    QueueTest.bench = Bench()


def tearDownModule():
    QueueTest.bench.close()


class TrainTest(QueueTest):
    """One run that nothing disturbs; all others must end with its bytes."""

    @classmethod
    def setUpClass(cls):
        cls.straight = cls.train("straight").wait("COMPLETED")
        cls.expected = shards(cls.checkpoint("straight"))

    def expect_same_end(self, out):
        self.assertEqual(shards(self.checkpoint(out)), self.expected)
        text = self.bench.isogloss("model", "verify", str(self.checkpoint(out)))
        self.assertNotIn("error", text)

    def test_a_run_goes_to_its_end_on_two_nodes_of_two_ranks(self):
        log = self.straight.log()
        self.assertIn("ranks: 4, of threads: 1, on nodes: n[1-2]", log)
        self.assertIn(f"on 4 ranks: step 0 to {STEPS}", log)
        self.assertIn("exit code 0: done", log)
        self.assertEqual(self.straight.field("Restarts"), "0")

    def test_a_run_whose_time_is_up_is_signalled_queued_again_and_ends_with_the_same_bytes(self):
        job = self.train("limit", options=(*TWO_BY_TWO, "--signal=USR1@50", "--time=1")).hold("limit")
        wait_until(lambda: job.has_pending(signal.SIGUSR1) or not job.is_held(), 60, job.story)
        job.release()
        job.wait("COMPLETED")
        log = job.log()
        self.assertIn("exit code 75: stopped on request", log)
        self.assertIn("restart 1 of at most 100;", log)  # appended, not begun anew
        self.assertEqual(job.field("Restarts"), "1")
        self.expect_same_end("limit")

    def test_a_run_that_is_requeued_in_mid_step_ends_with_the_same_bytes(self):
        job = self.train("requeued").hold("requeued")
        self.bench.call("scontrol", "requeue", job.number)
        job.release()
        job.wait("COMPLETED")
        self.assertEqual(job.field("Restarts"), "1")  # not by Slurm and by the job
        self.assertIn("going on from", job.log())
        self.expect_same_end("requeued")

    def test_a_cancelled_run_ends_at_once_stays_ended_and_can_go_on(self):
        job = self.train("cancelled").hold("cancelled")
        self.bench.call("scancel", job.number)
        job.release()
        begin = time.monotonic()
        wait_until(lambda: not self.bench.call("squeue", "-h", "-j", job.number), 10, job.story)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertEqual(job.state, "CANCELLED")
        self.assertEqual(job.field("Restarts"), "0")
        again = self.train("cancelled").wait("COMPLETED")
        self.assertIn("going on from", again.log())
        self.expect_same_end("cancelled")

    def test_a_killed_rank_ends_the_job_within_seconds_and_is_named(self):
        job = self.train("killed").hold("killed")
        begin = time.monotonic()
        rank = job.ranks()[2]
        number, node = rank_and_node(rank)
        os.kill(rank, signal.SIGKILL)
        job.wait("FAILED", seconds=15)
        self.assertLess(time.monotonic() - begin, 15)
        self.assertRegex(job.log(), rf"rank {number} on node {node} \(process \d+\) was ended by signal 9 \(KILL\)")
        self.assertEqual(job.field("Restarts"), "0")
        self.assertEqual(job.ranks(), [])

    def test_restarts_are_bounded(self):
        job = self.train("bounded", environment={"ISOGLOSS_MAX_RESTARTS": "0"}).hold("bounded")
        self.bench.call("scancel", "--signal=USR1", job.number)
        job.release()
        job.wait("FAILED")
        self.assertEqual(job.field("ExitCode"), "75:0")
        self.assertIn("all that ISOGLOSS_MAX_RESTARTS allows", job.log())

    def test_a_fault_ends_the_job_with_its_exit_code_and_does_not_go_round(self):
        job = self.train("faulty", "--train.rows=-1").wait("FAILED")
        self.assertEqual(job.field("ExitCode"), "2:0")
        self.assertIn("exit code 2: options or configuration", job.log())
        self.assertEqual(job.field("Restarts"), "0")

    def test_a_job_can_be_submitted_from_any_folder(self):
        folder = self.bench.root / "elsewhere"
        folder.mkdir()
        job = self.train("far", folder=folder)
        job.wait("FAILED")  # relative paths are those of this folder
        self.assertIn("no such file: 'far.cfg'", job.log())
        (folder / "corpus").symlink_to("../corpus")
        (folder / "model").symlink_to("../model")
        (folder / "far.cfg").symlink_to("../far.cfg")
        self.sbatch("train.sbatch", "far.cfg", "--train.steps=2", folder=folder).wait("COMPLETED")
        self.assertTrue((folder / "far/checkpoints/step-00000002").is_dir())

    def test_scores_and_times_are_jobs_too(self):
        scores = self.sbatch("evaluate.sbatch", self.checkpoint("straight"), "--corpus=corpus", "--row-length=32",
                             "--out=scores.json")
        times = self.sbatch("bench.sbatch", "dispatch", "--tokens=64", "--width=16", "--experts=4", "--rounds=2")
        scores.wait("COMPLETED")
        self.assertEqual(set(json.loads((self.bench.root / "scores.json").read_text())["languages"]),
                         {"en", "el", "hi", "tr"})
        self.assertIn("plain exchange", times.wait("COMPLETED").log())


AGAIN = '[ "${SLURM_RESTART_COUNT:-0}" -gt 0 ] || '  # what follows is for the first start only


class JobTest(QueueTest):
    """What the scripts do around any program: shell scripts play its part."""

    def play(self, name, text):
        path = self.bench.root / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return {"ISOGLOSS_PROGRAM": str(path)}

    def test_each_rank_sees_all_gpus_of_its_node(self):
        if not list(self.bench.cluster.folder.glob("nvidia*")):
            self.skipTest("no device files can be made here")
        shown = self.play("shown", 'echo "rank $SLURM_PROCID sees $CUDA_VISIBLE_DEVICES"')
        job = self.train("gpus", options=(*TWO_BY_TWO, "--gpus-per-node=2"), environment=shown).wait("COMPLETED")
        for rank in range(4):
            self.assertIn(f"rank {rank} sees 0,1\n", job.log())

    def test_ranks_that_stop_one_after_another_are_queued_again(self):
        stops = self.play("stops", AGAIN + '{ sleep 0.$((SLURM_PROCID * 3)); exit 75; }')
        job = self.train("slow", environment=stops).wait("COMPLETED")
        self.assertEqual(job.field("Restarts"), "1")
        self.assertEqual(list(self.bench.root.glob(".isogloss-*")), [])

    def test_a_rank_that_fails_alone_gives_the_job_its_exit_code(self):
        fails = self.play("fails", '[ "$SLURM_PROCID" != 2 ] && exec sleep 60; sleep 0.5; exit 3')
        job = self.train("fails", environment=fails).wait("FAILED")
        self.assertEqual((job.field("ExitCode"), job.field("Restarts")), ("3:0", "0"))
        self.assertEqual(list(self.bench.root.glob(".isogloss-*")), [])

    def test_a_signal_that_comes_while_the_program_loads_loses_nothing(self):
        loads = self.play("loads", AGAIN + "{ echo loading; exec sleep 60; }")
        job = self.train("loads", environment=loads)
        wait_until(lambda: job.log().count("loading") == 4, 20, job.story)
        time.sleep(0.2)  # for the shells to become the sleep
        self.bench.call("scancel", "--signal=USR1", job.number)
        job.wait("COMPLETED")
        self.assertEqual(job.field("Restarts"), "1")

    def test_one_task_of_an_array_is_queued_again_alone(self):
        last = self.play("last", 'echo "task $SLURM_ARRAY_TASK_ID"; [ "$SLURM_ARRAY_TASK_ID" = 0 ] || ' + AGAIN +
                         "{ sleep 1; exit 75; }")
        array = self.sbatch("probe-array.sbatch", "model", "--languages=en,el", options=["--array=0-1"],
                            environment=last)
        wait_until(lambda: not self.bench.call("squeue", "-h", "-j", array.number), 60, array.story)
        self.assertEqual((array.log().count("task 0"), array.log().count("task 1")), (1, 2))

    def test_a_rank_knows_its_cores_and_when_the_job_ends(self):
        shown = self.play("threads", 'echo "threads $OMP_NUM_THREADS until $SLURM_JOB_END_TIME"')
        job = self.train("threads", options=("--nodes=1", "--ntasks-per-node=2", "--cpus-per-task=2", "--time=10"),
                         environment=shown).wait("COMPLETED")
        end = int(re.search(r"threads 2 until (\d+)", job.log()).group(1))
        self.assertAlmostEqual(end, time.time() + 600, delta=60)


class ChainTest(QueueTest):
    """Several jobs, through launch/submit."""

    OPTIONS = ("--nodes=1", "--ntasks-per-node=2", "--cpus-per-task=1")

    def test_probes_of_an_array_are_grouped_by_a_job_that_waits_for_them(self):
        (self.bench.root / "probe.cfg").write_text(PROBE)
        options = ("--tasks", "3", "--layers", "1", "--groups", "2", *self.OPTIONS)
        (array, group), text = self.submit("probe.cfg", *options)
        self.assertIn("--array=0-2", text)
        group.wait("COMPLETED")
        self.bench.isogloss("group", "probe", "--config=probe.cfg", "--out=alone")
        root = self.bench.root
        self.assertEqual((root / "probe/deviation.json").read_text(), (root / "alone/deviation.json").read_text())
        # Cosines are sums of 3 * 48 * 32 products in double, whose sizes add up to 1 at most; two ranks sum them in
        # another order than one: 4608 * 2^-53 = 5e-13.
        shared, alone = (json.loads((root / name / "similarity.json").read_text()) for name in ("probe", "alone"))
        self.assertEqual(shared["languages"], alone["languages"])
        for mine, theirs in zip(sum(shared["similarity"], []), sum(alone["similarity"], []), strict=True):
            self.assertAlmostEqual(mine, theirs, delta=5e-13)
        groups = json.loads((root / "probe/groups.json").read_text())["groups"]
        self.assertEqual(sorted(sum(groups, [])), ["el", "en", "hi", "tr"])
        self.assertEqual(len(json.loads((self.bench.root / "probe/layers.json").read_text())["layers"]), 1)
        log = array.log()
        for languages in ("el,tr", "en", "hi"):
            self.assertRegex(log, rf"group probe .*--languages={languages} --part")

    def test_a_plan_goes_from_its_base_to_the_last_expansion_over_two_jobs(self):
        (self.bench.root / "plan.json").write_text(json.dumps(PLAN))
        (_, plan), _ = self.submit("plan.json", *self.OPTIONS)
        soft = wait_until(lambda: next(self.bench.root.glob("plan/*/*/metrics.jsonl"), None), 60, plan.story).parent
        plan.hold(soft, num_ranks=2, steps=1)
        self.bench.call("scancel", "--signal=USR1", plan.number)
        plan.release()
        plan.wait("COMPLETED", seconds=90)
        self.assertEqual(plan.field("Restarts"), "1")
        summary = json.loads((self.bench.root / "plan/summary.json").read_text())
        self.assertEqual([stage["name"] for stage in summary["stages"]], ["base", "hi"])
        self.assertIn("Mean forgetting", plan.log())

    def test_what_waits_for_a_job_that_fails_never_starts(self):
        text = PROBE.replace("rows = 4", "rows = 400000").replace("= probe", "= bad")
        (self.bench.root / "bad.cfg").write_text(text)
        (array, group), _ = self.submit("bad.cfg", "--tasks", "1", *self.OPTIONS)
        group.wait("CANCELLED")
        self.assertIn("exit code 3: a file that was read is bad", array.log())
        self.assertEqual(group.log(), "")

    def test_two_submissions_of_one_file_take_turns(self):
        (self.bench.root / "turn.cfg").write_text(RUN.format(out="turn", steps=STEPS))
        (first,), _ = self.submit("turn.cfg", *self.OPTIONS)
        first.hold("turn", num_ranks=2)
        (second,), _ = self.submit("turn.cfg", *self.OPTIONS)
        self.assertEqual(second.field("Reason"), "Dependency")
        first.release()
        first.wait("COMPLETED")
        second.wait("COMPLETED")
        self.assertIn(f"all {STEPS} steps are done", second.log())


if __name__ == "__main__":
    main()
