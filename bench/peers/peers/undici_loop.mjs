// A bare Node loop: `in_flight` sends under way, no queue, nothing durable.
import { connect, measured, sendBody } from "./client.mjs";

measured(async (job) => {
  const wechat = await connect(job);

  async function send(first, messages) {
    let next = first;
    let ok = 0;
    const lane = async () => {
      while (next < first + messages) if (await wechat.send(sendBody(job, next++)).catch(() => false)) ok++;
    };
    await Promise.all(Array.from({ length: job.in_flight }, lane));
    return { ok, failed: messages - ok };
  }

  return { send, stop: wechat.close };
});
