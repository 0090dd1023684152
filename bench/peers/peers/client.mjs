// The two Node peers' way to WeChat: undici with kept-alive connections, which is what a careful Node
// service uses and five times cheaper than the WeChat SDKs on npm.
import { createInterface } from "node:readline";
import { Pool } from "undici";

/** Reads the job, lets the peer warm up, waits for the word, answers with the counts and stays until stdin closes. */
export async function measured(start) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const job = JSON.parse((await lines.next()).value);
  const peer = await start(job);
  await peer.send(0, job.warm_up);
  console.log("ready");

  await lines.next();
  console.log(JSON.stringify(await peer.send(job.warm_up, job.messages)));

  await lines.next();
  await peer.stop();
}

/** A sender of template messages for one account; `send(i)` is true when WeChat answered errcode 0. */
export async function connect(job) {
  const pool = new Pool(job.base, { connections: job.in_flight, bodyTimeout: 5000, headersTimeout: 5000 });
  const query = `grant_type=client_credential&appid=${job.appid}&secret=${job.secret}`;
  const { access_token } = await call(pool, { path: `/cgi-bin/token?${query}`, method: "GET" });
  if (!access_token) throw new Error("the stand-in gave no access_token");

  const path = `/cgi-bin/message/template/send?access_token=${access_token}`;
  const headers = { "content-type": "application/json" };
  const send = async (body) => (await call(pool, { path, method: "POST", headers, body })).errcode === 0;
  return { send, close: () => pool.close() };
}

async function call(pool, request) {
  const { body } = await pool.request(request);
  return body.json();
}

/** The send body of message `i` of this run; recipients take turns, and no two orders are alike. */
export function sendBody(job, i) {
  return JSON.stringify({
    touser: job.openids[i % job.openids.length],
    template_id: job.template_id,
    url: job.url,
    data: { character_string1: { value: `${job.orders}-${i}` }, ...job.data },
  });
}
