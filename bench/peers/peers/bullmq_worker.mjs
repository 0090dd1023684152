// One BullMQ worker process: keeps its share of sends in flight and tells its parent how many have ended.
import { Worker } from "bullmq";
import { connect } from "./client.mjs";

// How often the counts go to the parent, so that counting costs nothing beside a job.
const REPORT_MS = 5;

process.once("message", async (job) => {
  const wechat = await connect(job);
  const connection = { url: job.redis, maxRetriesPerRequest: null };
  const deliver = async ({ data }) => {
    if (!(await wechat.send(data.body))) throw new Error("WeChat refused the message");
  };
  const worker = new Worker(job.queue, deliver, { connection, concurrency: job.in_flight });
  await worker.waitUntilReady();
  const stopReports = reports(worker);

  process.once("message", async () => {
    clearInterval(stopReports);
    await worker.close();
    await wechat.close();
    process.disconnect();
  });
  process.send("ready");
});

function reports(worker) {
  let ok = 0;
  let failed = 0;
  worker.on("completed", () => ok++);
  worker.on("failed", () => failed++);
  return setInterval(() => {
    if (ok + failed > 0) process.send({ ok, failed });
    ok = failed = 0;
  }, REPORT_MS);
}
