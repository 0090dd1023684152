// Something that is done at a click: what was done, or what went wrong, is said in passing.
import { toast } from './toast.js';

/** Does it; says `done`, or the problem. Gives the answer, or undefined. */
export async function act(what, done) {
  try {
    const answer = await what();
    if (done) toast(done, 'good');
    return answer ?? true;
  } catch (problem) {
    toast(problem.errors?.[0]?.message ? `${problem.message} ${problem.errors[0].message}` : problem.message, 'bad');
    return undefined;
  }
}
