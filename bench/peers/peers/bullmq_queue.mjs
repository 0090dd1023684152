// BullMQ on Redis: the producer, here, adds in bulk; `bullmq_workers` processes share `in_flight` jobs under way.
import { fork } from "node:child_process";
import { once } from "node:events";
import { Queue } from "bullmq";
import { measured, sendBody } from "./client.mjs";

// What addBulk turns into one MULTI; larger gains nothing and blocks Redis for longer.
const BULK = 500;
// Finished jobs are dropped at once, the cheapest setting BullMQ has.
const KEEP_NOTHING = { removeOnComplete: true, removeOnFail: true };

measured(async (job) => {
  const connection = { url: job.redis, maxRetriesPerRequest: null };
  const queue = new Queue(job.queue, { connection, defaultJobOptions: KEEP_NOTHING });
  const share = { ...job, in_flight: Math.ceil(job.in_flight / job.bullmq_workers) };
  const workers = await Promise.all(Array.from({ length: job.bullmq_workers }, () => startWorker(share)));

  async function send(first, messages) {
    const finished = ended(workers, messages);
    const end = first + messages;
    for (let from = first; from < end; from += BULK) await queue.addBulk(bulk(job, from, Math.min(end, from + BULK)));
    return finished;
  }

  async function stop() {
    await Promise.all(workers.map(async (worker) => (worker.send("stop"), once(worker, "exit"))));
    await queue.obliterate({ force: true });
    await queue.close();
  }

  return { send, stop };
});

async function startWorker(job) {
  // Our stdout is the answer to the driver; the worker has none.
  const worker = fork(new URL("bullmq_worker.mjs", import.meta.url), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  worker.send(job);
  await once(worker, "message");
  return worker;
}

function bulk(job, from, to) {
  return Array.from({ length: to - from }, (_, k) => ({ name: "send", data: { body: sendBody(job, from + k) } }));
}

function ended(workers, messages) {
  const total = { ok: 0, failed: 0 };
  return new Promise((resolve) => {
    const count = (told) => {
      total.ok += told.ok;
      total.failed += told.failed;
      if (total.ok + total.failed < messages) return;
      for (const worker of workers) worker.off("message", count);
      resolve(total);
    };
    for (const worker of workers) worker.on("message", count);
  });
}
