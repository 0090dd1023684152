// What changes by itself: one event stream for the whole page, and polling for one thing. Both rest while nobody looks.
import { useEffect, useRef, useState } from './lib.js';
import { loggedOut } from './api.js';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;
/** Three minutes at one a second: what the live chart shows. */
const HISTORY_MAX = 180;

const state = { snapshot: null, connected: false, history: [], users: 0, source: null, timer: 0, wait: FIRST_WAIT_MS };
const listeners = new Set();
const tell = () => listeners.forEach((listener) => listener());

function open() {
  if (state.source || !state.users || document.hidden) return;
  const source = new EventSource('/api/v1/events');
  state.source = source;
  source.addEventListener('snapshot', (event) => {
    state.snapshot = JSON.parse(event.data);
    state.history.push([Date.parse(state.snapshot.at) / 1000, state.snapshot.rate_per_s, state.snapshot.queue]);
    if (state.history.length > HISTORY_MAX) state.history.shift();
    state.connected = true;
    state.wait = FIRST_WAIT_MS;
    tell();
  });
  source.addEventListener('end', () => {
    close();
    loggedOut();
  });
  source.onerror = () => {
    close();
    state.timer = setTimeout(open, state.wait);
    state.wait = Math.min(state.wait * 2, LONGEST_WAIT_MS);
    tell();
  };
}

function close() {
  clearTimeout(state.timer);
  state.source?.close();
  state.source = null;
  state.connected = false;
}

document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));

/** The newest snapshot of `GET /api/v1/events`: `{snapshot, connected, history}`. */
export function useLive() {
  const [, turn] = useState(0);
  useEffect(() => {
    const listener = () => turn((n) => n + 1);
    listeners.add(listener);
    state.users += 1;
    open();
    return () => {
      listeners.delete(listener);
      state.users -= 1;
      if (!state.users) close();
    };
  }, []);
  return state;
}

/**
 * Asks `load(signal)` now, when `deps` change and, with `every`, again after so many milliseconds: `every` may be a
 * function of the answer that gives 0 to stop. `{data, problem, loading, again}`.
 */
export function useData(load, deps, every = 0) {
  const [shown, show] = useState({ data: null, problem: null, loading: true });
  const [turn, again] = useState(0);
  const wait = useRef(0);
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const next = (data) => (typeof every === 'function' ? every(data) : every);
    const ask = async () => {
      try {
        const data = await load(abort.signal);
        show({ data, problem: null, loading: false });
        wait.current = next(data);
      } catch (problem) {
        if (problem.name === 'AbortError' || abort.signal.aborted) return;
        show((before) => ({ ...before, problem, loading: false }));
        wait.current = next(null) && Math.min(Math.max(wait.current * 2, next(null)), LONGEST_WAIT_MS);
      }
      if (wait.current && !abort.signal.aborted) timer = setTimeout(rest, wait.current);
    };
    const rest = () => {
      if (!document.hidden) return ask();
      document.addEventListener('visibilitychange', ask, { once: true, signal: abort.signal });
    };
    show((before) => ({ ...before, loading: true }));
    ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [...deps, turn]);
  return { ...shown, again: () => again((n) => n + 1) };
}
